import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { parsePlan, planBytes } from '../../src/core/campaign/plan.ts'
import { type ProvenSheet, proveSheets, type Sheet, sheetFile } from '../../src/core/campaign/sheet.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { directorTarget, type Order } from '../../src/core/trust/director-target.ts'
import type { FileRef } from '../../src/core/trust/image-target.ts'
import { planPath } from '../../src/core/trust/mapping.ts'
import type { Target, TopRole } from '../../src/core/trust/metadata.ts'
import { readMetadata } from '../../src/core/trust/read-metadata.ts'
import { nextRoot, nextSnapshot, nextTimestamp, type RoleSpec, writeTargets } from '../../src/core/trust/repository.ts'
import { directorRoot } from '../../src/flows/direct.ts'
import { openRepository } from '../../src/flows/keep.ts'
import { sheetsOf } from '../../src/flows/opened.ts'
import type { FleetLink, Signer } from '../../src/flows/ports.ts'
import { acceptRoot, type NewRoot } from '../../src/flows/rotate.ts'
import { sealedBy } from '../worlds/quiet-fleet.ts'
import type { Bench, Made } from './bench.ts'

export type Repo = 'image' | 'approval' | 'director'

/** The keys that somebody signs the roles of a repository with. */
export type Loot = {
  readonly targets: readonly Signer[]
  readonly snapshot: readonly Signer[]
  readonly timestamp: readonly Signer[]
}

/** The files of a repository, from nothing, as somebody with keys writes them. */
export type Forged = ReadonlyMap<string, Uint8Array>

export type ForgeOptions = {
  readonly version?: number
  readonly site?: string
  readonly delegations?: JsonObject
  /** A targets file that somebody else has signed, instead of one of the thief's own. */
  readonly file?: Uint8Array
  readonly days?: number
}

/** Keys of the server, all three online ones of a repository. */
export function online(bench: Bench, repo: Repo): Loot {
  const key = (role: string): readonly Signer[] => [bench.fleet.key(`${repo}-${role}`)]
  const targets = repo === 'director' ? key('targets') : []
  return { targets, snapshot: key('snapshot'), timestamp: key('timestamp') }
}

export async function forge(
  bench: Bench,
  repo: Repo,
  targets: readonly Target[],
  loot: Loot,
  { version = ++bench.forgeries, site = 'quay', delegations, file, days = 1 }: ForgeOptions = {},
): Promise<Forged> {
  const expires = bench.soon(days)
  const head = { expires, ...(repo === 'director' ? { site } : {}) }
  const written = writeTargets({ ...head, version }, targets, delegations ?? null)
  const targetsFile = file ?? (await sealedBy(written, loot.targets))
  const document = orThrow(readMetadata('targets', targetsFile, 'forged'))
  const snapshotOf = nextSnapshot(null, new Map([['targets', document]]), head, crypto)
  const snapshotFile = await sealedBy({ ...snapshotOf, version }, loot.snapshot)
  const snapshot = orThrow(readMetadata('snapshot', snapshotFile, 'forged'))
  const timestamp = await sealedBy({ ...nextTimestamp(null, snapshot, head, crypto), version }, loot.timestamp)
  return new Map([
    [`${document.signed.version}.targets.json`, targetsFile],
    [`${version}.snapshot.json`, snapshotFile],
    ['timestamp.json', timestamp],
  ])
}

/** Somebody who serves forged repositories, and all else as it is: the roots are public, and honest. */
export function serve(bench: Bench, forged: Partial<Record<Repo, Forged>>): void {
  bench.line = (honest: FleetLink): Partial<FleetLink> => ({
    file: async (repo, path, max) => {
      const files = repo === 'sheets' ? undefined : forged[repo]
      if (files === undefined || (path.endsWith('root.json') && !files.has(path))) return honest.file(repo, path, max)
      return files.get(path) ?? null
    },
  })
}

/** Nobody stands on the line any more. */
export function leave(bench: Bench): void {
  bench.line = () => ({})
}

/** Puts files where the gateway can fetch them, whoever serves them. */
export function smuggle(bench: Bench, ...all: readonly Uint8Array[]): void {
  for (const bytes of all) bench.contraband.set(toHex(crypto.sha256(bytes)), bytes)
}

/** A plan for both controllers and its sheet, as somebody without a server writes it, and the target that approves it. */
export async function forgedPlan(
  bench: Bench,
  id: string,
  { targets: [envelope], version }: Made,
): Promise<{ readonly bytes: Uint8Array; readonly target: Target }> {
  const row = await bench.fleet.world.store.campaign('spring')
  const plan = orThrow(parsePlan((row as NonNullable<typeof row>).plan, 'spring'))
  const { path, sha256, length } = envelope
  const [planned] = plan.releases
  const release = { ...planned, path, sha256, length, version } as NonNullable<typeof planned>
  const [mine] = orThrow(await sheetsOf(bench.fleet.world, 'spring'))
  const { proven, root } = proveSheets(crypto, [{ ...(mine as Sheet), campaign: id }])
  const bytes = planBytes({ ...plan, id, releases: [release], sheets: root })
  smuggle(bench, bytes)
  bench.sheets.set(`sheets/${id}.json`, sheetFile(proven[0] as ProvenSheet))
  const target = { path: planPath(id), length: bytes.length, sha256: toHex(crypto.sha256(bytes)), custom: null }
  return { bytes, target }
}

/** An order of the director for a controller: the release of a campaign, for the n-th time. */
export function order(envelope: FileRef, controllers: readonly string[], change: Partial<Order> = {}): Target {
  const said: Order = { class: 'bms', hardware: 'r1', campaign: 'spring', attempt: 1, ...change }
  return directorTarget(envelope, new Map(controllers.map(id => [id, said])))
}

/** The director's files, by its stolen online keys, that order a release for c0. */
export const ordering = (bench: Bench, { targets: [envelope] }: Made, campaign = 'spring'): Promise<Forged> =>
  forge(bench, 'director', [order(envelope, ['c0'], { campaign })], online(bench, 'director'))

export const roleOf = (threshold: number, ...signers: readonly Signer[]): RoleSpec => {
  return { keys: signers.map(({ key }) => key), threshold }
}

/**
 * What the holders of a root do when a key is lost: the next root, with other keys for some roles, put in force at the
 * server. `spares`: new online keys, which lie at the server before.
 */
export async function exchange(
  bench: Bench,
  repo: Repo,
  changes: Partial<Record<TopRole, RoleSpec>>,
  {
    spares = [],
    by,
    also = {},
  }: { spares?: readonly Signer[]; by?: readonly Signer[]; also?: Omit<NewRoot, 'root'> } = {},
): Promise<Uint8Array> {
  bench.fleet.open(spares)
  const { world } = bench.fleet
  const before = orThrow(repo === 'director' ? await directorRoot(world) : await openRepository(world, repo)).root
    .signed
  const written = orThrow(nextRoot(before, changes, bench.soon(365), crypto))
  const root = await sealedBy(written, by ?? [bench.fleet.key(`${repo}-root`)])
  orThrow(await acceptRoot(world, 'ada', repo, { root, ...also }))
  return root
}
