import type { Json, JsonObject } from '../../../../src/core/encoding/canonical-json.ts'
import { foreignKey } from '../../../conformance/tuf-client/foreign-key.ts'
import { DEAD, type GeneratedRepository, type Signed, sealed, TOP, type TreeModel } from './generated-repository.ts'

/** What honest people do to their repository between two looks of a client. */
export type Work =
  | { readonly do: 'publish' }
  | { readonly do: 'stamp' }
  | { readonly do: 'grow'; readonly tree: TreeModel }
  | {
      readonly do: 'rotate root' | 'rotate online' | 'rotate targets'
      readonly count: number
      readonly threshold: number
    }
  | { readonly do: 'other names' }
  | { readonly do: 'let the root die' }

type Rotation = { readonly count: number; readonly threshold: number }

/** What somebody on the way, or with stolen keys, does to one look. `role` and `more` choose among what there is. */
export type Attack = { readonly how: keyof typeof ATTACKS; readonly role: number; readonly more: number }

/** One look of the clients: what was done before it, and how it was attacked. */
export type Step = { readonly work: Work; readonly attack: Attack | null }

/** What each kind of work does. */
const WORK: { readonly [Kind in Work['do']]: (repository: GeneratedRepository, asked: never) => void } = {
  publish: repository => repository.publishAll(),
  stamp: repository => repository.stamp(),
  grow: (repository, { tree }: { readonly tree: TreeModel }) => repository.grow(tree),
  'rotate root': (repository, asked: Rotation) => {
    const old = repository.keysOf('root')
    give(repository, ['root'], asked)
    repository.publishRoot(old)
  },
  // Both at once, by new keys: what each client forgets of half a rotation is a listed difference.
  'rotate online': (repository, asked: Rotation) => {
    give(repository, ['timestamp', 'snapshot'], asked)
    repository.publishRoot()
    repository.announce()
  },
  'rotate targets': (repository, asked: Rotation) => {
    give(repository, ['targets'], asked)
    repository.publishRoot()
    repository.publishAll()
  },
  'other names': repository => {
    repository.consistent = !repository.consistent
    repository.publishRoot()
    repository.publishAll()
  },
  'let the root die': repository => {
    repository.at('root').expires = DEAD
    repository.publishRoot()
  },
}

export function work(repository: GeneratedRepository, asked: Work): void {
  revive(repository)
  WORK[asked.do](repository, asked as never)
}

/** After a root that had expired comes one that has not. */
function revive(repository: GeneratedRepository): void {
  if (repository.at('root').expires !== DEAD) return
  repository.at('root').expires = repository.at('timestamp').expires
  repository.publishRoot()
}

function give({ signers }: GeneratedRepository, roles: readonly string[], { count, threshold }: Rotation): void {
  const schemes = ['ed25519', 'ecdsa-sha2-nistp256'] as const
  for (const role of roles) {
    const keys = Array.from({ length: count }, (_, index) => foreignKey(schemes[index % 2]))
    signers.set(role, { keys, threshold: Math.min(count, threshold) })
  }
}

type Served = Map<string, Uint8Array>
type Act = (repository: GeneratedRepository, served: Served, role: string, more: number) => void

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content)

/** Changes the file of a role on its way. */
const changed =
  (change: (file: Uint8Array, more: number, repository: GeneratedRepository, role: string) => Uint8Array | null): Act =>
  (repository, served, role, more) => {
    const name = repository.nameOf(role)
    const file = served.get(name)
    const next = file === undefined ? null : change(file, more, repository, role)
    if (next === null) served.delete(name)
    else served.set(name, next)
  }

const parsed = (change: (file: { signatures: { keyid: string; sig: string }[]; signed: Signed }) => void) =>
  changed(file => {
    const json = JSON.parse(text(file))
    change(json)
    return bytes(JSON.stringify(json))
  })

/**
 * Whoever holds the keys of a role, and the online keys, changes what it says and announces it: with the next numbers of
 * snapshot and timestamp, which honest people then skip.
 */
function forge(
  repository: GeneratedRepository,
  served: Served,
  role: string,
  change: (signed: Signed) => Signed,
  announce: (meta: JsonObject) => JsonObject | null = meta => meta,
): void {
  const isTargets = !(TOP as readonly string[]).includes(role) || role === 'targets'
  const metas: Record<string, Json> = {}
  for (const name of repository.targetRoles()) metas[`${name}.json`] = repository.meta(name)
  if (isTargets) {
    const signed = change({ ...repository.at(role) })
    const file = sealed(signed, repository.keysOf(role))
    served.set(repository.nameOf(role, signed.version), file)
    const meta = announce(repository.meta(role, file, signed))
    if (meta === null) delete metas[`${role}.json`]
    else metas[`${role}.json`] = meta
  }
  const own = <T extends Signed>(name: string, signed: T): T => (name === role ? (change(signed) as T) : signed)
  const snapshot = own('snapshot', { ...next(repository, 'snapshot'), meta: metas })
  const snapshotFile = sealed(snapshot, repository.keysOf('snapshot'))
  served.set(repository.nameOf('snapshot', snapshot.version), snapshotFile)
  const announced = repository.meta('snapshot', snapshotFile, snapshot)
  const about = role === 'snapshot' ? (announce(announced) ?? announced) : announced
  const timestamp = own('timestamp', { ...next(repository, 'timestamp'), meta: { 'snapshot.json': about } })
  served.set('timestamp.json', sealed(timestamp, repository.keysOf('timestamp')))
}

/** A new timestamp, by its key, over an old snapshot. */
function announceOld(repository: GeneratedRepository, served: Served, more: number): void {
  const file = repository.history.get('snapshot')?.at(-2 - (more % 3))
  if (file === undefined) return
  const { signed } = JSON.parse(text(file)) as { signed: Signed }
  served.set(repository.nameOf('snapshot', signed.version), file)
  const timestamp = {
    ...next(repository, 'timestamp'),
    meta: { 'snapshot.json': repository.meta('snapshot', file, signed) },
  }
  served.set('timestamp.json', sealed(timestamp, repository.keysOf('timestamp')))
}

function next(repository: GeneratedRepository, role: string): Signed {
  const version = repository.next(role)
  repository.taken.set(role, version)
  return { ...repository.at(role), version }
}

/** The keys of a root to come, which nobody gave it. */
function root(by: 'old' | 'new', skip: number): Act {
  return (repository, served) => {
    const signed = structuredClone(repository.at('root'))
    const old = repository.keysOf('root')
    const added = foreignKey()
    signed.version += 1 + skip
    const keys = signed.keys as Record<string, Json>
    const roles = signed.roles as Record<string, Json>
    keys[added.id] = added.object
    roles.root = { keyids: [added.id], threshold: 1 }
    const signers = skip > 0 ? [...old, added] : by === 'old' ? old : [added]
    served.set(`${repository.at('root').version + 1}.root.json`, sealed(signed, signers))
  }
}

export const ATTACKS = {
  'hide a file': changed(() => null),
  'change a number': changed(file =>
    bytes(text(file).replace(/"version":(\d+)/, (_, n) => `"version":${Number(n) + 1}`)),
  ),
  'take a signature away': parsed(json => void json.signatures.pop()),
  'take all signatures away': parsed(json => void json.signatures.splice(0)),
  'sign with another key': parsed(json => {
    const [first] = json.signatures
    if (first !== undefined) first.sig = foreignKey().sign(bytes('something else'))
  }),
  'play an old file': changed(
    (file, more, repository, role) => repository.history.get(role)?.at(-2 - (more % 3)) ?? file,
  ),
  'play the file of another role': changed((_, more, repository) => {
    const names = [...repository.history.keys()]
    return repository.bytesOf(names[more % names.length] as string)
  }),
  'put bytes behind it': changed((file, more) => bytes(text(file) + ' '.repeat(1 + more))),
  'cut it short': changed((file, more) => file.slice(0, file.length - 1 - more)),
  'serve without end': changed((file, _, __, role) =>
    role === 'timestamp' ? bytes(text(file) + ' '.repeat(70_000)) : file,
  ),
  'announce another version': (repository, served, role) =>
    forge(
      repository,
      served,
      role,
      signed => signed,
      meta => ({ ...meta, version: (meta.version as number) + 1 }),
    ),
  'announce another length': (repository, served, role, more) =>
    forge(
      repository,
      served,
      role,
      signed => signed,
      meta => {
        return { ...meta, length: ((meta.length as number | undefined) ?? 1000) + (more % 2 === 0 ? 1 : -1) }
      },
    ),
  'announce another digest': (repository, served, role) =>
    forge(
      repository,
      served,
      role,
      signed => signed,
      meta => ({ ...meta, hashes: { sha256: 'ab'.repeat(32) } }),
    ),
  'announce a second digest that is wrong': (repository, served, role) =>
    forge(
      repository,
      served,
      role,
      signed => signed,
      meta => {
        const hashes = (meta.hashes ?? { sha256: 'cd'.repeat(32) }) as JsonObject
        return { ...meta, hashes: { ...hashes, sha512: 'ab'.repeat(64) } }
      },
    ),
  'leave a role out of the snapshot': (repository, served, role) =>
    forge(
      repository,
      served,
      role === 'targets' ? 'line' : role,
      signed => signed,
      () => null,
    ),
  'sign what has expired': (repository, served, role) =>
    forge(repository, served, role, signed => {
      const bump = signed.version === repository.at(role).version && role !== 'snapshot' && role !== 'timestamp'
      return { ...signed, version: bump ? next(repository, role).version : signed.version, expires: DEAD }
    }),
  'sign an older version': (repository, served, role, more) => {
    // Two snapshots of one number are a listed difference: here it is the honest one of that number.
    if (role === 'snapshot') return announceOld(repository, served, more)
    forge(repository, served, role, signed => ({ ...signed, version: Math.max(1, signed.version - 1 - (more % 3)) }))
  },
  'sign a version far ahead': (repository, served, role) =>
    forge(repository, served, role, signed => ({ ...signed, version: signed.version + 1000 })),
  'a root by its own keys': root('new', 0),
  'a root by the old keys alone': root('old', 0),
  'a root that skips a number': root('old', 1),
} as const satisfies Readonly<Record<string, Act>>

/** What the clients are served at a look. */
export function attacked(repository: GeneratedRepository, attack: Attack | null): ReadonlyMap<string, Uint8Array> {
  const served: Served = new Map(repository.files)
  if (attack === null) return served
  const roles = [
    'timestamp',
    'snapshot',
    'targets',
    'root',
    ...repository.targetRoles().filter(role => role !== 'targets'),
  ]
  const role = roles[attack.role % roles.length] as string
  const act: Act = ATTACKS[attack.how]
  act(repository, served, role, attack.more)
  return served
}
