import { createHash } from 'node:crypto'
import { canonicalJson, type Json, type JsonObject } from '../../../../src/core/encoding/canonical-json.ts'
import { type ForeignKey, foreignKey } from '../../../conformance/tuf-client/foreign-key.ts'

/** What a repository is made of, as a generator draws it: plain data, with keys by their number in the pool. */
export type RoleModel = { readonly keys: readonly number[]; readonly threshold: number }

/** How a file is announced by the one above it. */
export type Announced = 'version' | 'length' | 'digest' | 'both' | 'two digests'

export type Edge = RoleModel & {
  /** The delegating role: -1 for the top-level targets. */
  readonly from: number
  readonly to: number
  readonly terminating: boolean
  readonly by: { readonly paths: readonly string[] } | { readonly path_hash_prefixes: readonly string[] }
}

export type Bins = RoleModel & { readonly from: number; readonly bits: number }

export type TreeModel = {
  readonly edges: readonly Edge[]
  readonly bins: Bins | null
  /** Which of PATHS each delegated role has, and the top-level targets at the end. */
  readonly holds: readonly (readonly number[])[]
  /** A role that several name is signed by the keys of all of them, or of the first only. */
  readonly signedForAll: boolean
}

export type RepositoryModel = {
  readonly roles: Readonly<Record<Top, RoleModel>>
  readonly consistent: boolean
  readonly announced: Announced
  readonly unknownMembers: boolean
  readonly tree: TreeModel
}

export const TOP = ['root', 'timestamp', 'snapshot', 'targets'] as const
export type Top = (typeof TOP)[number]
export const PATHS = ['a/x', 'a/y', 'b/x', 'c', 'top.bin', 'a/b/c', 'dir/sub/file'] as const
export const ROLES = ['line', 'lab', 'third', 'north', 'south', 'east'] as const
export const ALIVE = '2090-01-01T00:00:00Z'
export const DEAD = '2001-01-01T00:00:00Z'

export type Signed = { version: number; expires: string; [member: string]: Json }
type Signer = { keys: readonly ForeignKey[]; threshold: number }

const digest = (name: 'sha256' | 'sha512', bytes: Uint8Array | string): string =>
  createHash(name).update(bytes).digest('hex')

let pool: readonly ForeignKey[] | null = null

/** Keys of every kind that both clients know; made once, since RSA takes its time. */
export function poolOfKeys(): readonly ForeignKey[] {
  const of = (count: number, scheme: Parameters<typeof foreignKey>[0]): ForeignKey[] =>
    Array.from({ length: count }, () => foreignKey(scheme))
  pool ??= [
    ...of(8, 'ed25519'),
    ...of(3, 'ecdsa-sha2-nistp256'),
    ...of(2, 'ecdsa-sha2-nistp384'),
    ...of(2, 'rsassa-pss-sha256'),
  ]
  return pool
}
export const POOL = 15

/** A TUF repository as somebody else writes it, in memory: files by name. Every change is served at once. */
export class GeneratedRepository {
  readonly files = new Map<string, Uint8Array>()
  readonly signed = new Map<string, Signed>()
  readonly signers = new Map<string, Signer>()
  /** Everything that was ever served under a name, oldest first: what an attacker can play again. */
  readonly history = new Map<string, Uint8Array[]>()
  /** The highest number that a thief has signed for a role: honest people give it to no other file. */
  readonly taken = new Map<string, number>()
  announced: Announced
  consistent: boolean
  tree: TreeModel
  readonly #unknown: boolean

  constructor(model: RepositoryModel) {
    this.announced = model.announced
    this.consistent = model.consistent
    this.#unknown = model.unknownMembers
    this.tree = model.tree
    for (const role of TOP) {
      this.signers.set(role, this.#signer(model.roles[role]))
      this.signed.set(role, this.#begin(role))
    }
    this.publishRoot()
    this.grow(model.tree)
  }

  at(role: string): Signed {
    return this.signed.get(role) as Signed
  }

  /** A new tree of delegations, with every role in a new version. */
  grow(tree: TreeModel): void {
    this.tree = tree
    const names = [...ROLES, ...(tree.bins === null ? [] : binNames(tree.bins))]
    for (const name of names) if (!this.signed.has(name)) this.signed.set(name, this.#begin(name))
    for (const [index, name] of ['targets', ...ROLES].entries()) this.#delegate(name, index - 1)
    if (tree.bins !== null) {
      for (const name of binNames(tree.bins)) this.signers.set(name, this.#signer(tree.bins))
    }
    this.publishAll()
  }

  /** Every targets role in its next version, and a snapshot and a timestamp over them. */
  publishAll(): void {
    for (const name of this.targetRoles()) this.publishTargets(name)
    this.announce()
  }

  targetRoles(): string[] {
    return [...this.signed.keys()].filter(name => !['root', 'timestamp', 'snapshot'].includes(name))
  }

  publishTargets(name: string): void {
    const signed = this.at(name)
    signed.version = this.next(name)
    signed.targets = this.#targetsOf(name, signed.version)
    this.write(name)
  }

  announce(): void {
    const meta: Record<string, Json> = {}
    for (const name of this.targetRoles()) meta[`${name}.json`] = this.meta(name)
    const snapshot = this.at('snapshot')
    snapshot.version = this.next('snapshot')
    snapshot.meta = meta
    this.write('snapshot')
    this.stamp()
  }

  stamp(): void {
    const timestamp = this.at('timestamp')
    timestamp.version = this.next('timestamp')
    timestamp.meta = { 'snapshot.json': this.meta('snapshot') }
    this.write('timestamp')
  }

  /** The next root. `alsoBy`: keys of the root before it. */
  publishRoot(alsoBy: readonly ForeignKey[] = []): void {
    const root = this.at('root')
    root.version += 1
    root.consistent_snapshot = this.consistent
    const keys: Record<string, Json> = {}
    const roles: Record<string, Json> = {}
    for (const role of TOP) {
      const signer = this.signers.get(role) as Signer
      for (const { id, object } of signer.keys) keys[id] = { ...object, ...this.#extra() }
      roles[role] = { keyids: signer.keys.map(({ id }) => id), threshold: signer.threshold, ...this.#extra() }
    }
    root.keys = keys
    root.roles = roles
    this.write('root', [...alsoBy, ...(this.signers.get('root') as Signer).keys])
  }

  /** The number of a role's next file. */
  next(role: string): number {
    return Math.max(this.at(role).version, this.taken.get(role) ?? 0) + 1
  }

  keysOf(role: string): readonly ForeignKey[] {
    return this.signers.get(role)?.keys ?? []
  }

  /** Signs a role's file and serves it. */
  write(role: string, keys = this.keysOf(role)): void {
    const bytes = sealed(this.at(role), keys)
    this.files.set(this.nameOf(role), bytes)
    this.history.set(role, [...(this.history.get(role) ?? []), bytes])
  }

  nameOf(role: string, version = this.at(role).version): string {
    if (role === 'root') return `${version}.root.json`
    return this.consistent && role !== 'timestamp' ? `${version}.${role}.json` : `${role}.json`
  }

  /** The file that honest people last published for a role. */
  bytesOf(role: string): Uint8Array {
    return this.history.get(role)?.at(-1) as Uint8Array
  }

  /** What is announced of a role's file, truthfully. */
  meta(role: string, bytes = this.bytesOf(role), { version } = this.at(role)): JsonObject {
    const { announced } = this
    const written: Record<string, Json> = { version, ...this.#extra() }
    if (announced === 'length' || announced === 'both') written.length = bytes.length
    if (announced === 'digest' || announced === 'both') written.hashes = { sha256: digest('sha256', bytes) }
    if (announced === 'two digests') {
      written.hashes = { sha256: digest('sha256', bytes), sha512: digest('sha512', bytes) }
    }
    return written
  }

  #begin(role: string): Signed {
    const type = ['root', 'timestamp', 'snapshot'].includes(role) ? role : 'targets'
    const signed: Signed = { _type: type, spec_version: '1.0.31', version: 0, expires: ALIVE, ...this.#extra() }
    if (type === 'targets') signed.targets = {}
    return signed
  }

  #signer({ keys, threshold }: RoleModel): Signer {
    const all = poolOfKeys()
    return { keys: keys.map(index => all[index % all.length] as ForeignKey), threshold }
  }

  /** Writes into a role whom it trusts, and finds out who signs those. */
  #delegate(name: string, index: number): void {
    const { edges, bins, signedForAll } = this.tree
    const signed = this.at(name)
    delete signed.delegations
    const ring: Record<string, Json> = {}
    const take = ({ keys }: Signer): string[] => {
      for (const { id, object } of keys) ring[id] = { ...object, ...this.#extra() }
      return keys.map(({ id }) => id)
    }
    if (bins?.from === index) {
      const keyids = take(this.#signer(bins))
      const { bits: bit_length, threshold } = bins
      signed.delegations = { keys: ring, succinct_roles: { keyids, threshold, bit_length, name_prefix: 'bin' } }
      return
    }
    const roles: Json[] = []
    for (const { from, to, by, terminating, ...model } of edges) {
      if (from !== index) continue
      const child = ROLES[to] as string
      const signer = this.#signer(model)
      const keyids = take(signer)
      roles.push({ name: child, keyids, threshold: model.threshold, terminating, ...by, ...this.#extra() } as Json)
      const first = edges.find(edge => edge.to === to) as Edge
      const all = signedForAll ? edges.filter(edge => edge.to === to) : [first]
      const keys = all.flatMap(edge => this.#signer(edge).keys)
      this.signers.set(child, { keys, threshold: model.threshold })
    }
    if (roles.length > 0) signed.delegations = { keys: ring, roles }
  }

  #targetsOf(name: string, version: number): JsonObject {
    const { holds, bins } = this.tree
    const own = name === 'targets' ? holds.at(-1) : holds[ROLES.indexOf(name as (typeof ROLES)[number])]
    // A bin has what falls into it, and one path that does not.
    const indices =
      own ?? (bins === null ? [] : [...PATHS.keys()].filter(at => binOfPath(bins, at) === name || at === 0))
    const entries = indices.map(index => {
      const path = PATHS[index] as string
      const content = `${path} of ${name} in version ${version}`
      const hashes = { sha256: digest('sha256', content) }
      return [path, { length: content.length, hashes, ...this.#extra() }] as const
    })
    return Object.fromEntries(entries)
  }

  #extra(): Record<string, Json> {
    return this.#unknown ? { 'x-unknown': { deep: ['ünknown', 1, null] } } : {}
  }
}

/** A file of a `signed` object, signed once by each of the keys. */
export function sealed(signed: JsonObject, keys: readonly ForeignKey[]): Uint8Array {
  const message = canonicalJson(signed)
  const once = new Map(keys.map(key => [key.id, key]))
  const signatures = [...once.values()].map(key => ({ keyid: key.id, sig: key.sign(message) }))
  return new TextEncoder().encode(JSON.stringify({ signatures, signed }))
}

const digits = (bits: number): number => Math.ceil(bits / 4)

export const binNames = ({ bits }: Bins): string[] =>
  Array.from({ length: 2 ** bits }, (_, index) => `bin-${index.toString(16).padStart(digits(bits), '0')}`)

function binOfPath({ bits }: Bins, at: number): string {
  const first = Number.parseInt(digest('sha256', PATHS[at] as string).slice(0, 8), 16)
  return `bin-${(first >>> (32 - bits)).toString(16).padStart(digits(bits), '0')}`
}
