import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { canonicalJson, type Json, type JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { quoted } from '../../src/core/trust/metadata.ts'

/** A repository as others write it: plain objects, signed with keys of every kind; nothing of our own authoring. */

export type ForeignKey = {
  readonly id: string
  readonly object: JsonObject
  readonly sign: (bytes: Uint8Array) => string
}
type Scheme = 'ed25519' | 'ecdsa-sha2-nistp256' | 'ecdsa-sha2-nistp384' | 'rsassa-pss-sha256' | 'rsa-pkcs1v15-sha256'

let keys = 0
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string

/** A new key. Its id is a name: some number, as newer repositories have it. */
export function foreignKey(scheme: Scheme = 'ed25519'): ForeignKey {
  keys += 1
  const id = sha256(new TextEncoder().encode(`key ${keys}`))
  const made = (keytype: string, value: string, signed: (bytes: Uint8Array) => Buffer): ForeignKey => ({
    id,
    object: { keytype, scheme, keyval: { public: value } },
    sign: bytes => signed(bytes).toString('hex'),
  })
  if (scheme === 'ed25519') {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12).toString('hex')
    return made('ed25519', raw, bytes => sign(null, bytes, privateKey))
  }
  if (scheme === 'ecdsa-sha2-nistp256' || scheme === 'ecdsa-sha2-nistp384') {
    const [namedCurve, hash] = scheme.endsWith('256') ? ['P-256', 'sha256'] : ['P-384', 'sha384']
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: namedCurve as string })
    return made('ecdsa', pem(publicKey), bytes => sign(hash as string, bytes, privateKey))
  }
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const padding = scheme === 'rsassa-pss-sha256' ? { padding: 6, saltLength: 32 } : { padding: 1 }
  return made('rsa', pem(publicKey), bytes => sign('sha256', bytes, { key: privateKey, ...padding }))
}

type Role = { keys: ForeignKey[]; threshold: number }
export type Content = { version: number; expires: string; [member: string]: Json }
export const TOP = ['root', 'timestamp', 'snapshot', 'targets'] as const

const inDays = (days: number): string => `${new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 19)}Z`

export class ForeignRepository {
  readonly files = new Map<string, Uint8Array>()
  readonly roles: Record<string, Role> = {}
  readonly signed: Record<string, Content> = {}
  readonly artifacts = new Map<string, Uint8Array>()
  /** What was asked for, in order. */
  readonly asked: string[] = []
  consistent: boolean
  hashes = false

  constructor(scheme: Scheme = 'ed25519', consistent = true) {
    this.consistent = consistent
    for (const role of TOP) {
      this.roles[role] = { keys: [foreignKey(scheme)], threshold: 1 }
      this.signed[role] = { _type: role, spec_version: '1.0.31', version: 1, expires: inDays(30) }
    }
    this.signed.targets = { ...(this.signed.targets as Content), targets: {} }
    this.publishRoot()
    this.publish('targets')
    this.announce()
  }

  static inDays = inDays

  /** A role's file, with its role's keys, or with those of others. */
  publish(role: string, keys = (this.roles[role] as Role).keys): Uint8Array {
    const signed = this.signed[role] as Content
    const signatures = keys.map(key => ({ keyid: key.id, sig: key.sign(canonicalJson(signed)) }))
    const bytes = new TextEncoder().encode(JSON.stringify({ signatures, signed }, null, 1))
    const versioned = role === 'root' || (this.consistent && role !== 'timestamp')
    this.files.set(`${versioned ? `${signed.version}.` : ''}${quoted(role)}.json`, bytes)
    return bytes
  }

  publishRoot(keys = (this.roles.root as Role).keys): void {
    const ring: Record<string, Json> = {}
    const roles: Record<string, Json> = {}
    for (const name of TOP) {
      const { keys: own, threshold } = this.roles[name] as Role
      for (const { id, object } of own) ring[id] = object
      roles[name] = { keyids: own.map(({ id }) => id), threshold }
    }
    this.signed.root = { ...(this.signed.root as Content), consistent_snapshot: this.consistent, keys: ring, roles }
    this.publish('root', keys)
  }

  nextRoot(keys?: ForeignKey[]): void {
    ;(this.signed.root as Content).version += 1
    this.publishRoot(keys)
  }

  /** A snapshot and a timestamp over what was published; their versions rise behind the first time. */
  announce(): void {
    const meta: Record<string, Json> = {}
    for (const role of Object.keys(this.signed).filter(name => !['root', 'timestamp', 'snapshot'].includes(name))) {
      meta[`${role}.json`] = this.#meta(role)
    }
    this.#next('snapshot', meta)
    this.stamp()
  }

  stamp(): void {
    this.#next('timestamp', { 'snapshot.json': this.#meta('snapshot') })
  }

  #next(role: string, meta: Record<string, Json>): void {
    const old = this.signed[role] as Content
    this.signed[role] = { ...old, version: old.meta === undefined ? 1 : old.version + 1, meta }
    this.publish(role)
  }

  #meta(role: string): JsonObject {
    const { version } = this.signed[role] as Content
    const name = `${quoted(role)}.json`
    const bytes = this.files.get(this.consistent ? `${version}.${name}` : name)
    return this.hashes && bytes !== undefined
      ? { version, length: bytes.length, hashes: { sha256: sha256(bytes) } }
      : { version }
  }

  addTarget(role: string, path: string, content: string): void {
    const bytes = new TextEncoder().encode(content)
    const targets = (this.signed[role] as Content).targets as Record<string, Json>
    targets[path] = { length: bytes.length, hashes: { sha256: sha256(bytes) } }
    const names = path.split('/').map(quoted)
    const last = names.pop() as string
    this.artifacts.set([...names, this.consistent ? `${sha256(bytes)}.${last}` : last].join('/'), bytes)
  }

  /** A role that another one delegates to; published when its delegator is. */
  delegate(from: string, name: string, paths: string[], terminating = false): void {
    const key = foreignKey()
    const delegator = this.signed[from] as Content
    const { keys: ring = {}, roles = [] } = (delegator.delegations ?? {}) as { keys?: JsonObject; roles?: Json[] }
    const role = { name, keyids: [key.id], threshold: 1, terminating, paths }
    delegator.delegations = { keys: { ...ring, [key.id]: key.object }, roles: [...roles, role] }
    this.roles[name] ??= { keys: [], threshold: 1 }
    ;(this.roles[name] as Role).keys.push(key)
    this.signed[name] ??= {
      _type: 'targets',
      spec_version: '1.0.31',
      version: 1,
      expires: inDays(30),
      targets: {},
    }
  }

  /** Publishes every targets role again and announces it. */
  publishAll(): void {
    ;(this.signed.targets as Content).version += 1
    for (const role of Object.keys(this.signed)) {
      if (!['root', 'timestamp', 'snapshot'].includes(role)) this.publish(role)
    }
    this.announce()
  }
}
