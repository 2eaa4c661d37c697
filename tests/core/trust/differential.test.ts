import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { BaseFetcher, Updater } from 'tuf-js'
import { DownloadHTTPError } from 'tuf-js/dist/error.js'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { findTarget } from '../../../src/core/trust/find-target.ts'
import type { TopRole } from '../../../src/core/trust/metadata.ts'
import { refresh } from '../../../src/core/trust/refresh.ts'
import { writeDelegations } from '../../../src/core/trust/repository.ts'
import { resume, storedFiles } from '../../../src/core/trust/stored-set.ts'
import type { TrustedSet } from '../../../src/core/trust/trusted-set.ts'
import { NOW, SimulatedRepository, target, testKey } from './simulated-repository.ts'

/**
 * The same repository, changed and attacked step by step, before two clients that keep what they trust: ours and tuf-js.
 * They agree at every step about whether to go on and about what a path means. Kept out on purpose, since tuf-js is
 * known to differ: role names of digits, and one key under two ids.
 */

const PATH = 'bms/rack.suit'

class Memory extends BaseFetcher {
  readonly files: ReadonlyMap<string, Uint8Array>

  constructor(files: ReadonlyMap<string, Uint8Array>) {
    super()
    this.files = files
  }

  override async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const bytes = this.files.get(new URL(url).pathname.slice(1))
    if (bytes === undefined) throw new DownloadHTTPError('none', 404)
    return new Blob([Uint8Array.from(bytes)]).stream()
  }
}

/** What a client makes of the repository: the digest of PATH, or that there is none, or that it refuses. */
type View = string

async function theirs(repository: SimulatedRepository, metadataDir: string): Promise<View> {
  const fetcher = new Memory(repository.files)
  const options = { metadataDir, metadataBaseUrl: 'http://repository.test', fetcher, config: { fetchRetries: 0 } }
  try {
    const updater = new Updater(options)
    await updater.refresh()
    return (await updater.getTargetInfo(PATH))?.hashes.sha256 ?? 'none'
  } catch {
    return 'refused'
  }
}

/** Goes through what is stored each time, as a process does that starts anew. */
function ours(repository: SimulatedRepository, stored: Map<string, Uint8Array>): View {
  const { set } = orThrow(resume('image', stored, nodeCrypto))
  const keep = (kept: TrustedSet): void => {
    stored.clear()
    for (const [name, bytes] of storedFiles(kept)) stored.set(name, bytes)
  }
  const refreshed = repository.drive(refresh(set, NOW, nodeCrypto))
  keep(refreshed.set)
  if (refreshed.at === 'stopped') return 'refused'
  const found = repository.drive(findTarget(refreshed.set, PATH, NOW, nodeCrypto))
  if (isRefusal(found)) return 'refused'
  keep(found.set)
  return found.target?.sha256 ?? 'none'
}

type Step = { readonly name: string; readonly act: (repository: SimulatedRepository, count: number) => void }

const contentOf = (count: number) => target(PATH, `content ${count}`)

const rotate =
  (role: TopRole) =>
  (repository: SimulatedRepository, count: number): void => {
    const old = repository.holders.root.keys
    const { keys, threshold } = repository.holders[role]
    repository.holders[role] = { keys: keys.map((_, index) => testKey(10_000 + 16 * count + index)), threshold }
    repository.publishRoot(undefined, role === 'root' ? old : [])
    repository.publish([contentOf(count)])
  }

const strip =
  (role: string) =>
  (repository: SimulatedRepository): void => {
    const [path, bytes] = [...repository.files].filter(([name]) => name.endsWith(`${role}.json`)).at(-1) ?? []
    if (path === undefined) return
    const file = JSON.parse(new TextDecoder().decode(bytes))
    file.signatures.pop()
    repository.files.set(path, new TextEncoder().encode(JSON.stringify(file)))
  }

const replay =
  (path: (repository: SimulatedRepository) => string, back: (repository: SimulatedRepository) => string) =>
  (repository: SimulatedRepository): void => {
    const old = repository.files.get(back(repository))
    if (old !== undefined) repository.files.set(path(repository), old)
  }

const delegated =
  (name: string, paths: string, terminating: boolean, honest: boolean) =>
  (repository: SimulatedRepository, count: number): void => {
    const key = testKey(20_000)
    const spec = { name, keys: [key.key], threshold: 1, paths: [paths], terminating }
    const after = { ...spec, name: 'after', paths: ['*/*'], terminating: false }
    repository.putDelegated(name, count % 2 === 0 ? [contentOf(count)] : [], [honest ? key : testKey(20_001)])
    repository.putDelegated('after', [target(PATH, 'after')], [key])
    repository.publish([], orThrow(writeDelegations([spec, after], nodeCrypto)))
  }

const versionOf =
  (role: 'targets' | 'snapshot', back = 0) =>
  (repository: SimulatedRepository) =>
    `${(repository[role]?.signed.version ?? 1) - back}.${role}.json`

const steps: readonly Step[] = [
  { name: 'publish', act: (repository, count) => repository.publish([contentOf(count)]) },
  { name: 'stamp', act: repository => repository.stamp() },
  { name: 'rotate root', act: rotate('root') },
  { name: 'rotate timestamp', act: rotate('timestamp') },
  { name: 'rotate targets', act: rotate('targets') },
  { name: 'strip timestamp', act: strip('timestamp') },
  { name: 'strip targets', act: strip('targets') },
  { name: 'strip two of root', act: repository => void [strip('root')(repository), strip('root')(repository)] },
  { name: 'replay targets', act: replay(versionOf('targets'), versionOf('targets', 1)) },
  { name: 'replay snapshot', act: replay(versionOf('snapshot'), versionOf('snapshot', 1)) },
  { name: 'hide snapshot', act: repository => repository.files.delete(versionOf('snapshot')(repository)) },
  { name: 'delegate', act: delegated('line', 'bms/*', false, true) },
  { name: 'delegate and end', act: delegated('line', 'bms/*', true, true) },
  { name: 'delegate another path', act: delegated('line', 'pcs/*', true, true) },
  { name: 'delegate to a thief', act: delegated('line', 'bms/*', false, false) },
  {
    name: 'go back',
    act: repository => {
      const { snapshot, timestamp } = repository
      if (snapshot === null || timestamp === null) return
      repository.timestamp = {
        ...timestamp,
        signed: { ...timestamp.signed, version: Math.max(0, timestamp.signed.version - 2) },
      }
      repository.stamp()
      repository.timestamp = timestamp
    },
  },
]

test('goes the same way as tuf-js on changed and attacked repositories', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-tuf-'))
  let agreed = 0
  const seen = new Set<string>()
  try {
    // Reaches every kind of answer, whatever chance adds.
    const always = ['publish', 'delegate and end', 'strip targets'].map(
      name => steps.find(step => step.name === name) as Step,
    )
    const walk = fc.array(fc.constantFrom(...steps), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(walk, async actions => {
        const repository = new SimulatedRepository()
        repository.horizon = 36_500
        const root = repository.publishRoot()
        repository.publish([contentOf(0)])
        const metadataDir = mkdtempSync(join(folder, 'client-'))
        mkdirSync(metadataDir, { recursive: true })
        writeFileSync(join(metadataDir, 'root.json'), root)
        const stored = new Map([['root.json', root]])
        for (const [count, { name, act }] of [{ name: 'begin', act: () => {} }, ...actions].entries()) {
          act(repository, count + 1)
          const [mine, other] = [ours(repository, stored), await theirs(repository, metadataDir)]
          assert.equal(mine, other, `after ${name}`)
          agreed += 1
          seen.add(mine === 'refused' || mine === 'none' ? mine : 'found')
        }
      }),
      { numRuns: 25, examples: [[always]] },
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  assert.ok(agreed > 25)
  assert.deepEqual([...seen].sort(), ['found', 'none', 'refused'], 'the walks reached every kind of answer')
})
