import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Content, ForeignRepository, foreignKey, TOP } from './foreign-repository.ts'

/**
 * The door for outside suites, driven as they drive it: a process for each command, over plain HTTP. The cases are those
 * that a client has to get right; the expectations are the specification's.
 */
const CLIENT = join(import.meta.dirname, '../../conformance/tuf-client')

let server: Server
const served = new Map<string, ForeignRepository>()
let count = 0

before(async () => {
  server = createServer((request, response) => {
    const [, name, kind, ...rest] = (request.url as string).split('/')
    const repository = served.get(name as string)
    const path = rest.join('/')
    repository?.asked.push(path)
    const bytes = kind === 'metadata' ? repository?.files.get(path) : repository?.artifacts.get(path)
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes)
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
})
after(() => server.close())

/** A client with folders of its own before a repository. */
class Client {
  readonly folder = mkdtempSync(join(tmpdir(), 'voltseal-tuf-'))
  readonly repository: ForeignRepository
  readonly #name: string

  constructor(repository = new ForeignRepository()) {
    this.repository = repository
    count += 1
    this.#name = `r${count}`
    served.set(this.#name, repository)
  }

  async run(...command: string[]): Promise<number> {
    const { port } = server.address() as AddressInfo
    const base = `http://127.0.0.1:${port}/${this.#name}`
    const options = ['--metadata-dir', join(this.folder, 'metadata'), '--metadata-url', `${base}/metadata`]
    const child = spawn(CLIENT, [...options, ...command], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', part => {
      said += part
    })
    const code = await new Promise<number | null>(resolve => child.once('close', resolve))
    assert.ok(code === 0 || code === 1, `exit ${code}: ${said}`)
    assert.ok((code === 0) === (said === ''), said)
    return code
  }

  init(root = this.repository.files.get('1.root.json') as Uint8Array): Promise<number> {
    const file = join(this.folder, 'initial-root.json')
    writeFileSync(file, root)
    return this.run('init', file)
  }

  refresh(): Promise<number> {
    this.repository.asked.length = 0
    return this.run('refresh')
  }

  download(target: string): Promise<number> {
    this.repository.asked.length = 0
    const { port } = server.address() as AddressInfo
    const base = `http://127.0.0.1:${port}/${this.#name}/targets`
    const options = ['--target-name', target, '--target-base-url', base, '--target-dir', join(this.folder, 'targets')]
    return this.run(...options, 'download')
  }

  get trusted(): Record<string, number> {
    const folder = join(this.folder, 'metadata')
    const version = (file: string): number => JSON.parse(readFileSync(join(folder, file), 'utf8')).signed.version
    return Object.fromEntries(
      readdirSync(folder)
        .sort()
        .map(file => [file.slice(0, -5), version(file)]),
    )
  }

  get downloaded(): string[] {
    const folder = join(this.folder, 'targets')
    return readdirSync(folder)
      .map(file => readFileSync(join(folder, file), 'utf8'))
      .sort()
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** A test with a client that is enrolled. */
function client(
  name: string,
  run: (on: Client, repository: ForeignRepository) => Promise<void>,
  made?: () => ForeignRepository,
): void {
  it(name, async () => {
    const on = new Client(made?.())
    try {
      assert.equal(await on.init(), 0)
      await run(on, on.repository)
    } finally {
      on.close()
    }
  })
}

const ONES = { root: 1, snapshot: 1, targets: 1, timestamp: 1 }

describe('the TUF client: the workflow', { concurrency: 2 }, () => {
  client('asks for each file once, and keeps what it verified without versions in the names', async (on, { asked }) => {
    assert.equal(await on.refresh(), 0)
    assert.deepEqual(asked, ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json'])
    assert.deepEqual(on.trusted, ONES)
    assert.equal(await on.refresh(), 0)
    assert.deepEqual(asked, ['2.root.json', 'timestamp.json'])
  })

  it('asks for nothing with a root that is none, or that its keys have not signed', async () => {
    for (const spoil of [(text: string) => text.replace('"version": 1', '"version": 7'), () => '{}']) {
      const on = new Client()
      const root = new TextDecoder().decode(on.repository.files.get('1.root.json'))
      assert.equal(await on.init(new TextEncoder().encode(spoil(root))), 1)
      assert.equal(await on.refresh(), 1)
      assert.deepEqual(on.repository.asked, [])
      on.close()
    }
  })

  client('covers members that it does not know by the signature', async (on, repository) => {
    repository.signed.root = { ...(repository.signed.root as Content), 'custom-field': 'value' }
    repository.nextRoot()
    assert.equal(await on.refresh(), 0)
    assert.equal(on.trusted.root, 2)
  })

  client('keeps the timestamp that it has when another one has the same version', async (on, repository) => {
    assert.equal(await on.refresh(), 0)
    const kept = readFileSync(join(on.folder, 'metadata', 'timestamp.json'))
    repository.signed.timestamp = { ...(repository.signed.timestamp as Content), note: 1 }
    repository.publish('timestamp')
    assert.equal(await on.refresh(), 0)
    assert.deepEqual(readFileSync(join(on.folder, 'metadata', 'timestamp.json')), kept)
  })

  client(
    'reads a repository without consistent snapshots',
    async (on, repository) => {
      repository.addTarget('targets', 'a/b.txt', 'content')
      repository.publishAll()
      assert.equal(await on.download('a/b.txt'), 0)
      assert.deepEqual(repository.asked, ['2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json', 'a/b.txt'])
      assert.deepEqual(on.downloaded, ['content'])
    },
    () => new ForeignRepository('ed25519', false),
  )
})

describe('the TUF client: keys', { concurrency: 2 }, () => {
  for (const scheme of [
    'ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'rsassa-pss-sha256',
    'rsa-pkcs1v15-sha256',
  ] as const) {
    client(
      `takes ${scheme}`,
      async on => assert.equal(await on.refresh(), 0),
      () => new ForeignRepository(scheme),
    )
  }

  client('follows a root from key to key, signed by the old one and the new one', async (on, repository) => {
    const [old, next] = [repository.roles.root?.keys ?? [], [foreignKey()]]
    repository.roles.root = { keys: next, threshold: 1 }
    repository.nextRoot([...old, ...next])
    repository.nextRoot()
    assert.equal(await on.refresh(), 0)
    assert.equal(on.trusted.root, 3)
  })

  client('attack: a root that only its own new key has signed, or only the old one', async (on, repository) => {
    const [old, next] = [repository.roles.root?.keys ?? [], [foreignKey()]]
    repository.roles.root = { keys: next, threshold: 1 }
    repository.nextRoot(next)
    assert.equal(await on.refresh(), 1)
    repository.publishRoot(old)
    assert.equal(await on.refresh(), 1)
    assert.equal(on.trusted.root, 1)
  })

  client('attack: one key under many key ids counts once', async (on, repository) => {
    const key = foreignKey()
    const twins = Array.from({ length: 5 }, (_, index) => ({ ...key, id: `${index}`.repeat(64) }))
    repository.roles.snapshot = { keys: twins, threshold: 2 }
    repository.nextRoot()
    repository.announce()
    assert.equal(await on.refresh(), 1)
    assert.equal(on.trusted.snapshot, undefined)
  })

  client('attack: the same key id many times in a role', async (on, repository) => {
    const [key] = repository.roles.snapshot?.keys ?? []
    assert.ok(key !== undefined)
    repository.roles.snapshot = { keys: [key, key, key], threshold: 2 }
    repository.nextRoot()
    repository.announce()
    assert.equal(await on.refresh(), 1)
  })
})

describe('the TUF client: old and expired metadata', { concurrency: 2 }, () => {
  client('attack: an older timestamp', async (on, repository) => {
    const old = repository.files.get('timestamp.json') as Uint8Array
    repository.stamp()
    assert.equal(await on.refresh(), 0)
    repository.files.set('timestamp.json', old)
    assert.equal(await on.refresh(), 1)
    assert.equal(on.trusted.timestamp, 2)
  })

  for (const hashes of [false, true]) {
    client(`attack: targets that go back${hashes ? ', announced by digest' : ''}`, async (on, repository) => {
      repository.hashes = hashes
      repository.publishAll()
      assert.equal(await on.refresh(), 0)
      const targets = repository.signed.targets as { version: number }
      targets.version = 1
      repository.publish('targets')
      repository.announce()
      assert.equal(await on.refresh(), 1)
      assert.deepEqual(on.trusted, { root: 1, snapshot: 2, targets: 2, timestamp: 3 })
    })
  }

  client('attack: a file that is not the announced one', async (on, repository) => {
    repository.hashes = true
    repository.publishAll()
    repository.files.set('2.targets.json', repository.files.get('1.targets.json') as Uint8Array)
    assert.equal(await on.refresh(), 1)
    assert.deepEqual(on.trusted, { root: 1, snapshot: 2, timestamp: 2 })
  })

  client('recovers from a fast-forward when the keys have changed', async (on, repository) => {
    const snapshot = repository.signed.snapshot as { version: number }
    snapshot.version = 99_999
    repository.announce()
    assert.equal(await on.refresh(), 0)
    assert.equal(on.trusted.snapshot, 100_000)
    repository.roles.snapshot = { keys: [foreignKey()], threshold: 1 }
    repository.roles.timestamp = { keys: [foreignKey()], threshold: 1 }
    repository.nextRoot()
    ;(repository.signed.snapshot as { version: number }).version = 1
    repository.announce()
    assert.equal(await on.refresh(), 0)
    assert.equal(on.trusted.snapshot, 2)
  })

  for (const role of TOP) {
    client(`attack: an expired ${role}`, async (on, repository) => {
      assert.equal(await on.refresh(), 0)
      const signed = repository.signed[role] as { expires: string; version: number }
      signed.expires = ForeignRepository.inDays(-1)
      if (role === 'root') repository.nextRoot()
      else if (role === 'timestamp') repository.stamp()
      else repository.publishAll()
      assert.equal(await on.refresh(), 1)
      assert.equal(on.trusted[role], role === 'root' ? 2 : 1)
    })
  }
})

describe('the TUF client: delegations', { concurrency: 2 }, () => {
  type Graph = readonly (readonly [from: string, name: string, terminating?: boolean, paths?: string[]])[]
  const graphs: readonly [name: string, graph: Graph, visited: string[]][] = [
    [
      'depth first, in order',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['A', 'C'],
        ['A', 'D'],
      ],
      ['A', 'C', 'D', 'B'],
    ],
    [
      'a terminating role ends it',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['A', 'C', true],
        ['A', 'D'],
      ],
      ['A', 'C'],
    ],
    [
      'only where the path fits',
      [
        ['targets', 'A', false, ['*.py']],
        ['targets', 'B'],
        ['A', 'C'],
      ],
      ['B'],
    ],
    [
      'a circle',
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['B', 'C'],
        ['C', 'D'],
        ['D', 'B'],
      ],
      ['A', 'B', 'C', 'D'],
    ],
    [
      'names of digits keep their place',
      [
        ['targets', '9'],
        ['targets', '1'],
        ['9', '5'],
      ],
      ['9', '5', '1'],
    ],
  ]
  for (const [name, graph, visited] of graphs) {
    client(name, async (on, repository) => {
      for (const [from, role, terminating = false, paths = ['*']] of graph)
        repository.delegate(from, role, paths, terminating)
      repository.publishAll()
      assert.equal(await on.download('missing'), 1)
      assert.deepEqual(
        repository.asked.slice(4),
        visited.map(role => `1.${role}.json`),
      )
    })
  }

  for (const role of ['?', '#', '/delegated', '../delegated', 'ünïcode']) {
    client(
      `a role called ${role} stays in its folder, and is asked for by its encoded name`,
      async (on, repository) => {
        repository.delegate('targets', role, ['*'])
        repository.publishAll()
        assert.equal(await on.download('missing'), 1)
        assert.equal(repository.asked.at(-1), `1.${encodeURIComponent(role)}.json`)
        assert.equal(Object.keys(on.trusted).length, 5)
      },
    )
  }

  client('attack: a delegated role that has expired', async (on, repository) => {
    repository.delegate('targets', 'A', ['*'])
    ;(repository.signed.A as { expires: string }).expires = ForeignRepository.inDays(-1)
    repository.addTarget('A', 'a.txt', 'content')
    repository.publishAll()
    assert.equal(await on.refresh(), 0)
    assert.equal(await on.download('a.txt'), 1)
    assert.deepEqual(Object.keys(on.trusted), ['root', 'snapshot', 'targets', 'timestamp'])
  })

  client('hash bins without a list of them', async (on, repository) => {
    const key = foreignKey()
    const succinct = { keyids: [key.id], threshold: 1, bit_length: 4, name_prefix: 'bin' }
    const targets = repository.signed.targets as { delegations?: object }
    targets.delegations = { keys: { [key.id]: key.object }, succinct_roles: succinct }
    for (const digit of '0123456789abcdef') {
      repository.roles[`bin-${digit}`] = { keys: [key], threshold: 1 }
      const empty = { _type: 'targets', spec_version: '1.0.31', version: 1, targets: {} }
      repository.signed[`bin-${digit}`] = { ...empty, expires: ForeignRepository.inDays(30) }
    }
    // printf a.txt | sha256sum begins with 1
    repository.addTarget('bin-1', 'a.txt', 'content')
    repository.publishAll()
    assert.equal(await on.download('a.txt'), 0)
    assert.equal(repository.asked[4], '1.bin-1.json')
    assert.deepEqual(on.downloaded, ['content'])
  })
})

describe('the TUF client: targets', { concurrency: 2 }, () => {
  client('fetches a target once, and again when it has changed', async (on, repository) => {
    repository.addTarget('targets', 'path/to/a target.txt', 'one')
    repository.publishAll()
    assert.equal(await on.download('path/to/a target.txt'), 0)
    assert.deepEqual(on.downloaded, ['one'])
    assert.equal(await on.download('path/to/a target.txt'), 0)
    assert.deepEqual(repository.asked, ['2.root.json', 'timestamp.json'])
    repository.addTarget('targets', 'path/to/a target.txt', 'two')
    repository.publishAll()
    assert.equal(await on.download('path/to/a target.txt'), 0)
    assert.deepEqual(on.downloaded, ['two'])
  })

  client('attack: other bytes under the name of a target, or more of them', async (on, repository) => {
    repository.addTarget('targets', 'a.txt', 'content')
    repository.publishAll()
    const [name] = [...repository.artifacts.keys()]
    for (const bytes of ['c0ntent', 'content and more', 'cont']) {
      repository.artifacts.set(name as string, new TextEncoder().encode(bytes))
      assert.equal(await on.download('a.txt'), 1)
    }
    assert.throws(() => on.downloaded, /ENOENT/)
  })
})
