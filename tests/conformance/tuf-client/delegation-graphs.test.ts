import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { conforms, withServer } from './client.ts'
import type { ForeignRepository } from './foreign-repository.ts'

const TARGETS = ['targets', 'snapshot', 'timestamp'] as const

/** Delegations, in order. A word behind the two roles: `!` for terminating, else the one path pattern. */
type Graph = readonly (readonly [from: string, to: string, what?: string])[]

function build(repository: ForeignRepository, graph: Graph): void {
  const changed = new Set<string>()
  for (const [from, to, what = '*'] of graph) {
    repository.delegate(from, to, what === '!' ? ['*'] : what.split(' '), what === '!')
    changed.add(from).add(to)
  }
  changed.delete('targets')
  repository.publish(...changed, ...TARGETS)
}

describe('tuf-conformance: test_updater_delegation_graphs', () => {
  withServer()
  const AB = [
    ['targets', 'A'],
    ['targets', 'B'],
  ] as const

  const graphs: readonly [name: string, graph: Graph, visited: string][] = [
    ['basic-delegation', [['targets', 'A']], 'A'],
    ['single-level-delegations', AB, 'A B'],
    ['two-level-delegations', [...AB, ['B', 'C']], 'A B C'],
    ['two-level-test-DFS-order-of-traversal', [...AB, ['A', 'C'], ['A', 'D']], 'A C D B'],
    ['three-level-delegation-test-DFS-order-of-traversal', [...AB, ['A', 'C'], ['C', 'D']], 'A C D B'],
    ['two-level-terminating-ignores-all-but-roles-descendants', [...AB, ['A', 'C', '!'], ['A', 'D']], 'A C'],
    ['three-level-terminating-ignores-all-but-roles-descendants', [...AB, ['A', 'C', '!'], ['C', 'D']], 'A C D'],
    [
      'two-level-ignores-all-branches-not-matching-paths',
      [
        ['targets', 'A', '*.py'],
        ['targets', 'B'],
        ['A', 'C'],
      ],
      'B',
    ],
    ['three-level-ignores-all-branches-not-matching-paths', [...AB, ['A', 'C', '*.py'], ['C', 'D']], 'A B'],
    ['cyclic-graph', [...AB, ['B', 'C'], ['C', 'D'], ['D', 'B']], 'A B C D'],
    ['two-roles-delegating-to-a-third', [...AB, ['B', 'C'], ['A', 'C']], 'A C B'],
    ['two-roles-delegating-to-a-third-different-paths', [...AB, ['B', 'C'], ['A', 'C', '*.py']], 'A B C'],
    // Not in the suite: names of digits keep their place.
    [
      'integer-like-names',
      [
        ['targets', '9'],
        ['targets', '1'],
        ['9', '5'],
      ],
      '9 5 1',
    ],
  ]
  for (const [name, graph, visited] of graphs) {
    conforms(`test_graph_traversal[${name}]`, async (client, repository) => {
      build(repository, graph)
      assert.equal(await client.download('missingpath'), 1)
      assert.deepEqual(
        repository.asked.slice(4),
        visited.split(' ').map(role => `${role} 1`),
      )
    })
  }

  const tree: Graph = [
    ['targets', 'A', '*.doc *.md'],
    ['targets', 'B', 'releases/*/*'],
    ['B', 'C', 'releases/x/*'],
    ['B', 'D', 'releases/y/*.zip'],
  ]
  const files = [
    ['targets', 'targetfile', 'targetfile content'],
    ['A', 'README.md', 'README by A'],
    ['C', 'releases/x/x_v1', 'x release by C'],
    ['D', 'releases/y/y_v1.zip', 'y release by D'],
    ['D', 'releases/z/z_v1.zip', 'z release by D'],
  ] as const
  const searches: readonly [name: string, path: string, visited: string[], found: boolean][] = [
    ['no delegations', 'targetfile', [], true],
    ['targetpath matches wildcard', 'README.md', ['A'], true],
    ['targetpath with separators x', 'releases/x/x_v1', ['B', 'C'], true],
    ['targetpath with separators y', 'releases/y/y_v1.zip', ['B', 'D'], true],
    ['targetpath is not delegated by all roles in the chain', 'releases/z/z_v1.zip', ['B'], false],
  ]
  for (const [name, path, visited, found] of searches) {
    conforms(`test_targetfile_search[${name}]`, async (client, repository) => {
      for (const role of ['A', 'B', 'C', 'D']) assert.equal(repository.signed[role], undefined)
      for (const [from, to, patterns] of tree) repository.delegate(from, to, (patterns as string).split(' '))
      for (const [role, target, content] of files) repository.addArtifact(role, target, content)
      repository.publish('A', 'B', 'C', 'D', ...TARGETS)
      assert.equal(await client.download(path), found ? 0 : 1)
      assert.deepEqual(client.downloaded, found ? [files.find(([, target]) => target === path)?.[2]] : [])
      assert.deepEqual(
        repository.asked.slice(4),
        visited.map(role => `${role} 1`),
      )
    })
  }

  // In older versions of the suite (test_succinct_roles.py).
  for (const [bits, path, bin] of [
    [1, 'boo', 'bin-0'],
    [1, 'too', 'bin-1'],
    [2, 'foo', 'bin-0'],
    [2, 'doo', 'bin-1'],
    [2, 'too', 'bin-2'],
    [2, 'bar', 'bin-3'],
    [8, 'bar', 'bin-fc'],
  ] as const) {
    conforms(`test_succinct_roles_graph_traversal[${2 ** bits} bins, ${path}]`, async (client, repository) => {
      repository.delegateBins('targets', bits, 'bin')
      repository.publish(...TARGETS)
      assert.equal(await client.refresh(), 0)
      assert.deepEqual(Object.keys(client.trusted), ['root', 'snapshot', 'targets', 'timestamp'])
      const before = repository.asked.length
      assert.equal(await client.download(path), 1)
      assert.deepEqual(repository.asked.slice(before), ['root 2', 'timestamp', `${bin} 1`])
      assert.equal(client.trusted[bin], 1)
    })
  }

  // Not in the suite: a bin speaks for its own paths alone, and there are at most 2^32 of them.
  conforms('attack: hash bins of no bits, or of more than a number has', async (client, repository) => {
    repository.delegateBins('targets', 1, 'bin')
    for (const bits of [0, 33, 64]) {
      const { succinct_roles: bins } = repository.content('targets').delegations as { succinct_roles: object }
      Object.assign(bins, { bit_length: bits })
      repository.publish(...TARGETS)
      assert.equal(await client.refresh(), 1, `${bits} bits`)
      assert.equal(client.trusted.targets, undefined)
    }
  })

  conforms('attack: a target in the bin of another', async (client, repository) => {
    repository.delegateBins('targets', 1, 'bin')
    repository.addArtifact('bin-1', 'boo', 'content')
    repository.publish('bin-1', ...TARGETS)
    assert.equal(await client.download('boo'), 1)
    assert.deepEqual(client.downloaded, [])
  })
})
