import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { type DiskStep, foldersToSync, PlainFiles } from '../../src/adapters/repository-folder.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { Target } from '../../src/core/trust/metadata.ts'
import { refresh } from '../../src/core/trust/refresh.ts'
import type { TrustedSet } from '../../src/core/trust/trusted-set.ts'
import { exportWhole, type RepositorySource, readWhole, targetFile } from '../../src/flows/export.ts'
import { NOW, SimulatedRepository, target, testKey } from '../core/trust/simulated-repository.ts'
import { assertSynced, contentOf, cutsOf, passageOf } from '../worlds/plain-passage.ts'

const bytesOf = (path: string): Uint8Array => new TextEncoder().encode(path)
const folders: string[] = []
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-plain-'))
  folders.push(folder)
  return folder
}
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const source = (repository: SimulatedRepository): RepositorySource => ({
  file: async path => repository.files.get(path) ?? null,
  target: async ({ path }) => stream(bytesOf(path)),
})

async function* stream(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

/** Exports what a simulated repository serves; a step that throws is a cut of power there. */
async function exported(
  repository: SimulatedRepository,
  folder: string,
  step: (step: DiskStep) => void = () => {},
): Promise<void> {
  const from = source(repository)
  const root = repository.files.get('1.root.json')!
  const whole = orThrow(await readWhole({ repo: 'image', site: null, root }, from, NOW, crypto))
  orThrow(await exportWhole(whole, [...whole.targets.values()], from, new PlainFiles(folder, step)))
}

/** What a reader makes of files: the version of the targets that it took, or the code of its refusal. */
function seen(client: TrustedSet, read: (path: string) => Uint8Array | null): number | string {
  const workflow = refresh(client, NOW, crypto)
  let step = workflow.next()
  while (!step.done) step = workflow.next(read(`metadata/${step.value.path}`))
  return step.value.at === 'current' ? step.value.set.targets.signed.version : step.value.refusal.code
}

/** Two sets of a repository: two targets, then three, with one of the first in other words. */
function grown(change: (repository: SimulatedRepository) => void = () => {}) {
  const repository = SimulatedRepository.with([target('a.suit'), target('b/b.suit')])
  const first = new Map(repository.files)
  change(repository)
  repository.publish([target('a.suit'), target('b/b.suit'), target('c.suit')])
  const before = { files: first } as SimulatedRepository
  return { repository, before }
}

describe('a repository as plain files', () => {
  it('has the names of consistent snapshots, and verifies from the folder alone', async () => {
    const { repository } = grown()
    const folder = newFolder()
    await exported(repository, folder)
    const names = [...contentOf(folder).keys()].sort()
    const targets = [target('a.suit'), target('b/b.suit'), target('c.suit')].map(targetFile)
    assert.deepEqual(
      names,
      ['1.root.json', '2.snapshot.json', '2.targets.json', 'timestamp.json']
        .map(name => `metadata/${name}`)
        .concat(targets)
        .sort(),
    )
    const plain = new PlainFiles(folder)
    const file = (path: string, max: number) => plain.read(`metadata/${path}`, max)
    const root = repository.files.get('1.root.json')!
    const whole = orThrow(await readWhole({ repo: 'image', site: null, root }, { file }, NOW, crypto))
    for (const one of whole.targets.values()) assert.ok(await plain.hasTarget(targetFile(one), one), one.path)
  })

  it('a new folder directly below the top of the file system, and a relative one, are made durable to the last name', () => {
    const rows: [made: string, folder: string, expected: string[]][] = [
      ['/mirror', '/mirror/image/metadata', ['/', '/mirror', '/mirror/image', '/mirror/image/metadata']],
      ['/mirror', '/mirror', ['/', '/mirror']],
      ['/a/b', '/a/b/c', ['/a', '/a/b', '/a/b/c']],
      ['mirror', 'mirror/image', ['.', 'mirror', 'mirror/image'].map(path => resolve(path))],
      // What mkdir answers for a relative folder is absolute.
      [resolve('mirror'), './mirror/image/', ['.', 'mirror', 'mirror/image'].map(path => resolve(path))],
    ]
    for (const [made, folder, expected] of rows) assert.deepEqual(foldersToSync(made, folder), expected, folder)
  })

  it('is the same by a relative path, and its new folders are synced up to the one that was there', async () => {
    const { repository } = grown()
    const above = newFolder()
    const steps: DiskStep[] = []
    await exported(repository, join(relative(process.cwd(), above), 'mirror', 'image'), step => steps.push(step))
    const synced = new Set(steps.filter(({ did }) => did === 'sync-folder').map(({ path }) => path))
    for (const path of ['', 'mirror', 'mirror/image', 'mirror/image/metadata', 'mirror/image/targets']) {
      assert.ok(synced.has(join(above, path)), `${path}: ${[...synced].join()}`)
    }
  })

  it('leaves what is there, and writes nothing twice', async () => {
    const { repository } = grown()
    const folder = newFolder()
    await exported(repository, folder)
    const steps: DiskStep[] = []
    await exported(repository, folder, step => steps.push(step))
    assert.deepEqual(
      steps.filter(({ did }) => did === 'rename').map(({ path }) => relative(folder, path)),
      ['metadata/timestamp.json'],
    )
  })

  it('attack: a target whose bytes are not what was signed, or too many or too few, is not written', async () => {
    const folder = newFolder()
    const plain = new PlainFiles(folder)
    const one = target('a.suit')
    const rows: [code: string, body: Uint8Array[]][] = [
      ['blob-digest-mismatch', [bytesOf('b.suit')]],
      ['download-too-long', [bytesOf('a.suit'), bytesOf('!')]],
      ['download-truncated', [bytesOf('a.su')]],
    ]
    for (const [code, body] of rows) {
      const refused = await plain.putTarget(targetFile(one), one, stream(...body))
      assert.equal(refused?.code, code)
      assert.deepEqual([...contentOf(folder).keys()], [])
    }
    assert.equal(await plain.putTarget(targetFile(one), one, stream(bytesOf('a.'), bytesOf('suit'))), null)
  })

  it('attack: a target that somebody changed on the stick is not taken for the one that was signed', async () => {
    const { repository } = grown()
    const folder = newFolder()
    await exported(repository, folder)
    const one: Target = target('a.suit')
    writeFileSync(join(folder, targetFile(one)), bytesOf('a.suiT'))
    assert.equal(await new PlainFiles(folder).hasTarget(targetFile(one), one), false)
    await exported(repository, folder)
    assert.equal(await new PlainFiles(folder).hasTarget(targetFile(one), one), true, 'the next export mends it')
  })
})

/** Every state that a reader, or a cut of power, can meet on the way from one set to the next. */
async function passage(change?: (repository: SimulatedRepository) => void) {
  const { repository, before } = grown(change)
  const folder = newFolder()
  await exported(before, folder)
  const way = await passageOf(folder, step => exported(repository, folder, step))
  const root = repository.files.get('1.root.json')!
  const client = orThrow(await readWhole({ repo: 'image', site: null, root }, source(before), NOW, crypto)).set
  return { ...way, way, client, repository, before }
}

describe('a reader of plain files', () => {
  it('attack: between any two steps of an export it finds the old set or the new one, whole', async () => {
    const { states, client } = await passage()
    const found = states.map(files => seen(client, path => files.get(path) ?? null))
    assert.ok(states.length > 12, `${states.length} states`)
    const turn = found.indexOf(2)
    assert.ok(turn > 0)
    assert.deepEqual(found, [...found.slice(0, turn).fill(1), ...found.slice(turn).fill(2)])
    // What the new set names is there from the first moment on that it can be seen.
    for (const files of states.slice(turn)) assert.ok(files.has(targetFile(target('c.suit'))))
  })

  it('attack: one that is overtaken by an export in the middle of its reading takes the old set or the new one', async () => {
    const { states, client } = await passage()
    fc.assert(
      fc.property(fc.array(fc.nat(6), { minLength: 8, maxLength: 8 }), pauses => {
        let [at, turn] = [0, 0]
        const end = seen(client, path => {
          at = Math.min(states.length - 1, at + pauses[turn++ % pauses.length]!)
          return states[at]!.get(path) ?? null
        })
        assert.ok(end === 1 || end === 2, String(end))
      }),
      { numRuns: 300 },
    )
  })

  it('attack: a cut of power at any step leaves the old set or the new one, whichever of the names have lasted', async () => {
    const { way, client } = await passage()
    for (const { files, at } of cutsOf(way)) {
      const end = seen(client, path => files.get(path) ?? null)
      assert.ok(end === 1 || end === 2, `${at}: ${end}`)
    }
    assertSynced(way)
  })

  it('an export that was cut at any step is finished by the next one', async () => {
    const { steps } = await passage()
    for (let cut = 0; cut < steps.length; cut += 1) {
      const { repository, before } = grown()
      const folder = newFolder()
      await exported(before, folder)
      let left = cut
      const cutting = exported(repository, folder, () => {
        if (left-- === 0) throw new Error('power lost')
      })
      await assert.rejects(cutting, /power lost/)
      await exported(repository, folder)
      const files = contentOf(folder)
      const root = repository.files.get('1.root.json')!
      const trusted = orThrow(await readWhole({ repo: 'image', site: null, root }, source(before), NOW, crypto)).set
      assert.equal(
        seen(trusted, path => files.get(path) ?? null),
        2,
      )
    }
  })

  it('with a new root and new online keys: the old set, one moment of a refusal, the new set', async () => {
    const rotate = (repository: SimulatedRepository): void => {
      const old = repository.holders
      const timestamp = { keys: [testKey(900)], threshold: 1 }
      const snapshot = { keys: [testKey(901)], threshold: 1 }
      repository.holders = { ...old, timestamp, snapshot }
      repository.publishRoot(undefined, old.root.keys)
    }
    const { states, steps, client } = await passage(rotate)
    const found = states.map(files => seen(client, path => files.get(path) ?? null))
    const turns = found.filter((one, at) => at === 0 || one !== found[at - 1])
    assert.deepEqual(turns, [1, 'metadata-below-threshold', 2])
    const renamed = steps.flatMap((step, at) => (step.did === 'rename' ? [at + 1] : []))
    const window = found.flatMap((one, at) => (typeof one === 'string' ? [at] : []))
    assert.equal(
      renamed.filter(at => window.includes(at)).length,
      1,
      'from the name of the root to that of the timestamp',
    )
  })
})

describe('reading a whole repository', () => {
  it('refuses what a client refuses: a file that is missing, one that was changed, a root of somebody else', async () => {
    const { repository } = grown()
    const root = repository.files.get('1.root.json')!
    const other = SimulatedRepository.with([target('a.suit')], 'image', undefined, 5).files.get('1.root.json')!
    const read = (files: Map<string, Uint8Array>, by = root): Promise<unknown | Refusal> =>
      readWhole({ repo: 'image', site: null, root: by }, { file: async path => files.get(path) ?? null }, NOW, crypto)
    const without = new Map(repository.files)
    without.delete('2.targets.json')
    const changed = new Map(repository.files)
    const bytes = changed.get('2.snapshot.json')!.slice()
    bytes[30]! ^= 1
    changed.set('2.snapshot.json', bytes)
    const rows: [Promise<unknown>, string][] = [
      [read(without), 'metadata-missing'],
      [read(changed), 'metadata-digest-mismatch'],
      [read(repository.files, other), 'metadata-below-threshold'],
    ]
    for (const [answer, code] of rows) {
      const refused = await answer
      assert.ok(isRefusal(refused) && refused.code === code, code)
    }
  })
})
