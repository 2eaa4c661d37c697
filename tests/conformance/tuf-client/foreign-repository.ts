import { canonicalJson, type Json, type JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { type ForeignKey, foreignKey, hashOf, type Scheme } from './foreign-key.ts'

/** Who is named for a role, how many must sign, and who does. */
export type ForeignRole = { keys: ForeignKey[]; signers: ForeignKey[]; threshold: number; more?: JsonObject }
export type Content = { version: number; expires: string; [member: string]: Json }
type Signature = { keyid: string; sig: string }

export const TOP = ['root', 'timestamp', 'snapshot', 'targets'] as const

/** A time so many days from now, as metadata writes it. */
export const inDays = (days: number): string =>
  `${new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 19)}Z`

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const utf8 = (content: string): Uint8Array => new TextEncoder().encode(content)

/**
 * A repository as others write it: plain objects, signed and served. `signed` is what is being worked on; only `publish`
 * makes it something that a client can fetch, as the next version of its role. Written against TUF 1.0.34.
 */
export class ForeignRepository {
  readonly roles: Record<string, ForeignRole> = {}
  readonly signed: Record<string, Content> = {}
  /** What was published of each role, in order: version 1 first. */
  readonly published = new Map<string, Uint8Array[]>()
  readonly artifacts = new Map<string, Uint8Array>()
  /** What was asked for, in order: `root 2`, `timestamp`. */
  readonly asked: string[] = []
  readonly artifactsAsked: string[] = []
  readonly consistent: boolean
  hashes = false
  /** Every answer of this kind goes on for ever. */
  endless: 'metadata' | 'targets' | null = null
  /** Bytes that went out in such answers. */
  sent = 0

  constructor(scheme: Scheme = 'ed25519', consistent = true) {
    this.consistent = consistent
    for (const role of TOP) {
      this.signed[role] = { _type: role, spec_version: '1.0.31', version: 1, expires: inDays(30) }
      this.roles[role] = { keys: [], signers: [], threshold: 1 }
      this.addKey(role, foreignKey(scheme))
    }
    this.content('targets').targets = {}
    this.content('snapshot').meta = {}
    this.publish('targets', 'snapshot', 'timestamp', 'root')
  }

  content(role: string): Content {
    return this.signed[role] as Content
  }

  role(name: string): ForeignRole {
    return this.roles[name] as ForeignRole
  }

  addKey(role: string, key = foreignKey()): ForeignKey {
    this.role(role).keys.push(key)
    this.role(role).signers.push(key)
    return key
  }

  rotateKeys(role: string): void {
    const { threshold } = this.role(role)
    this.roles[role] = { ...this.role(role), keys: [], signers: [] }
    for (let n = 0; n < threshold; n += 1) this.addKey(role)
  }

  /** Makes the next version of each role available, and says so in the snapshot or the timestamp in work. */
  publish(...roles: readonly string[]): void {
    for (const role of roles) {
      const signed = this.content(role)
      const before = this.published.get(role)
      if (before !== undefined) signed.version += 1
      if (role === 'root') this.#writeKeys()
      const bytes = this.#sealed(role)
      this.published.set(role, [...(before ?? []), bytes])
      const meta: JsonObject = this.hashes
        ? { version: signed.version, length: bytes.length, hashes: { sha256: hashOf('sha256', bytes) } }
        : { version: signed.version }
      if (role === 'snapshot') this.content('timestamp').meta = { 'snapshot.json': meta }
      else if (role !== 'root' && role !== 'timestamp') this.announced[`${role}.json`] = meta
    }
  }

  /** What the snapshot in work announces. */
  get announced(): Record<string, Json> {
    return this.content('snapshot').meta as Record<string, Json>
  }

  /** Forgets what was published of a role; the next version that is published will be `version`. */
  restart(role: string, version = 1): void {
    this.published.delete(role)
    this.content(role).version = version
  }

  latest(role: string): Uint8Array {
    return this.published.get(role)?.at(-1) as Uint8Array
  }

  /** Puts other bytes in the place of the last version of a role. */
  replaceLatest(role: string, bytes: Uint8Array): void {
    this.published.set(role, [...(this.published.get(role) ?? []).slice(0, -1), bytes])
  }

  /** Changes the signatures of the last version of a role, and nothing else of it. */
  resign(role: string, change: (signatures: Signature[]) => Signature[]): void {
    const file = JSON.parse(text(this.latest(role))) as { signatures: Signature[]; signed: Json }
    this.replaceLatest(role, utf8(JSON.stringify({ ...file, signatures: change(file.signatures) })))
  }

  addArtifact(role: string, path: string, content: string, algorithms: readonly string[] = ['sha256']): void {
    const bytes = utf8(content)
    const hashes = Object.fromEntries(algorithms.map(name => [name, hashOf(name, bytes)]))
    this.#targets(role)[path] = { length: bytes.length, hashes }
    this.artifacts.set(path, bytes)
  }

  /** A role that another one delegates to, with a new key. Its content is in work, not yet published. */
  delegate(from: string, name: string, paths: readonly string[], terminating = false, expires = inDays(30)): void {
    const key = foreignKey()
    const { keys = {}, roles = [] } = (this.content(from).delegations ?? {}) as { keys?: JsonObject; roles?: Json[] }
    const role = { name, keyids: [key.id], threshold: 1, terminating, paths }
    this.content(from).delegations = { keys: { ...keys, [key.id]: key.object }, roles: [...roles, role] }
    this.roles[name] ??= { keys: [], signers: [], threshold: 1 }
    this.role(name).signers.push(key)
    this.signed[name] ??= { _type: 'targets', spec_version: '1.0.31', version: 1, expires, targets: {} }
  }

  /** Hash bins of all paths, without a list of them (TAP 15). All of them are published. */
  delegateBins(from: string, bits: number, prefix: string): void {
    const key = foreignKey()
    const bins = { keyids: [key.id], threshold: 1, bit_length: bits, name_prefix: prefix }
    this.content(from).delegations = { keys: { [key.id]: key.object }, succinct_roles: bins }
    const digits = Math.ceil(bits / 4)
    for (let bin = 0; bin < 2 ** bits; bin += 1) {
      const name = `${prefix}-${bin.toString(16).padStart(digits, '0')}`
      this.roles[name] = { keys: [], signers: [key], threshold: 1 }
      this.signed[name] = { _type: 'targets', spec_version: '1.0.31', version: 1, expires: inDays(30), targets: {} }
      this.publish(name)
    }
  }

  /** Answers a request for a file under /metadata/; null: none of that name. */
  metadata(path: string): Uint8Array | null {
    const [, version, name] = /^(?:(\d+)\.)?(.+)\.json$/.exec(path) ?? []
    if (name === undefined) return null
    this.asked.push(version === undefined ? name : `${name} ${version}`)
    const versions = this.published.get(decodeURIComponent(name)) ?? []
    const wanted = name === 'root' || (this.consistent && name !== 'timestamp')
    if (wanted === (version === undefined)) return null
    return (wanted ? versions[Number(version) - 1] : versions.at(-1)) ?? null
  }

  /** Answers a request for a file under /targets/: its name begins with one of its digests. */
  artifact(path: string): Uint8Array | null {
    this.artifactsAsked.push(path)
    const plain = decodeURIComponent(path)
    if (!this.consistent) return this.artifacts.get(plain) ?? null
    const [, folder = '', digest, file] = /^(.*\/)?([0-9a-z-]+)\.([^/]*)$/.exec(plain) ?? []
    const name = `${folder}${file}`
    const stated = Object.keys(this.signed)
      .map(role => this.content(role).targets as Record<string, { hashes: object }> | undefined)
      .some(targets => Object.values(targets?.[name]?.hashes ?? {}).includes(digest))
    return stated ? (this.artifacts.get(name) ?? null) : null
  }

  #targets(role: string): Record<string, Json> {
    return this.content(role).targets as Record<string, Json>
  }

  #writeKeys(): void {
    const keys: Record<string, Json> = {}
    const roles: Record<string, Json> = {}
    for (const name of TOP) {
      const { keys: own, threshold, more } = this.role(name)
      for (const { id, object } of own) keys[id] = object
      roles[name] = { ...more, keyids: own.map(({ id }) => id), threshold }
    }
    this.signed.root = { ...this.content('root'), consistent_snapshot: this.consistent, keys, roles }
  }

  #sealed(role: string): Uint8Array {
    const signed = this.content(role)
    const message = canonicalJson(signed)
    const signers = new Map(this.role(role).signers.map(key => [key.id, key]))
    const signatures = [...signers.values()].map(key => ({ keyid: key.id, sig: key.sign(message) }))
    return utf8(JSON.stringify({ signatures, signed }, null, 1))
  }
}
