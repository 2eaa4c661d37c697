import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import type { JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import type { PublicKey } from '../../../src/core/encoding/crypto.ts'
import { type Instant, instant } from '../../../src/core/encoding/units.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import type {
  Document,
  Signature,
  Snapshot,
  Target,
  Targets,
  Timestamp,
  TopRole,
} from '../../../src/core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../../../src/core/trust/read-metadata.ts'
import type { FileAnswer, FileRequest } from '../../../src/core/trust/refresh.ts'
import {
  fileName,
  nextSnapshot,
  nextTimestamp,
  type RoleSpec,
  seal,
  signatureBy,
  writeRoot,
  writeTargets,
} from '../../../src/core/trust/repository.ts'
import { type TrustedSet, trustRoot } from '../../../src/core/trust/trusted-set.ts'

/** A repository in memory, written by the product's own authoring, with every key at hand: tests and attackers use it. */

export type TestKey = { readonly key: PublicKey; readonly secret: KeyObject }

const ED25519_PKCS8 = Uint8Array.fromHex('302e020100300506032b657004220420')
export const NOW = instant(1_900_000_000_000)
export const DAY = 86_400_000
export const later = (days: number): Instant => instant(NOW + days * DAY)

/** An Ed25519 key from a seed of two bytes, so that every run is the same. */
export function testKey(seed: number): TestKey {
  const raw = new Array<number>(32).fill(seed & 0xff)
  raw[0] = seed >> 8
  return keyOf(
    createPrivateKey({ key: Buffer.from([...ED25519_PKCS8, ...raw]), format: 'der', type: 'pkcs8' }),
    'ed25519',
  )
}

export function keyOf(secret: KeyObject, alg: PublicKey['alg']): TestKey {
  return { secret, key: { alg, spki: new Uint8Array(createPublicKey(secret).export({ format: 'der', type: 'spki' })) } }
}

export function signWith(key: TestKey, message: Uint8Array): Uint8Array {
  const hash = key.key.alg === 'ecdsa-p256' ? 'sha256' : key.key.alg === 'ecdsa-p384' ? 'sha384' : null
  return new Uint8Array(sign(hash, message, key.secret))
}

export function signatureOf(raw: JsonObject, key: TestKey): Signature {
  return signatureBy(key.key, signWith(key, signableBytes(raw)), nodeCrypto)
}

export function sealed(raw: JsonObject, keys: readonly TestKey[]): Uint8Array {
  return seal(
    raw,
    keys.map(key => signatureOf(raw, key)),
  )
}

export type Holders = { readonly keys: readonly TestKey[]; readonly threshold: number }

export const target = (path: string, content = path, custom: Target['custom'] = null): Target => {
  const bytes = new TextEncoder().encode(content)
  return { path, length: bytes.length, sha256: nodeCrypto.sha256(bytes).toHex(), custom }
}

export class SimulatedRepository {
  readonly name: string
  readonly site: string | null
  /** What is served: change it to attack. */
  readonly files = new Map<string, Uint8Array>()
  holders: Record<TopRole, Holders>
  rootVersion = 0
  /** Where the next targets, snapshot and timestamp go on from. */
  targets: Document<Targets> | null = null
  snapshot: Document<Snapshot> | null = null
  timestamp: Document<Timestamp> | null = null
  readonly delegated = new Map<string, Document<Targets>>()
  readonly asked: string[] = []
  /** Days that everything lives longer: for a peer that reads the clock of the machine. */
  horizon = 0

  constructor(name = 'image', site: string | null = null, seed = 1) {
    this.name = name
    this.site = site
    const holders = (offset: number, count: number, threshold: number): Holders => ({
      keys: Array.from({ length: count }, (_, index) => testKey(seed * 64 + offset + index)),
      threshold,
    })
    this.holders = {
      root: holders(0, 3, 2),
      targets: holders(10, 2, 2),
      snapshot: holders(20, 1, 1),
      timestamp: holders(30, 1, 1),
    }
  }

  /** A repository with a root, some targets, a snapshot and a timestamp. */
  static with(targets: readonly Target[], name?: string, site?: string, seed?: number): SimulatedRepository {
    const repository = new SimulatedRepository(name, site, seed)
    repository.publishRoot()
    repository.publish(targets)
    return repository
  }

  publishRoot(expires = later(365 + this.horizon), alsoBy: readonly TestKey[] = []): Uint8Array {
    this.rootVersion += 1
    const specs = Object.fromEntries(
      Object.entries(this.holders).map(([role, { keys, threshold }]) => [
        role,
        { keys: keys.map(({ key }) => key), threshold },
      ]),
    ) as unknown as Record<TopRole, RoleSpec>
    const raw = orThrow(writeRoot({ version: this.rootVersion, expires }, specs, nodeCrypto))
    return this.serve('root', this.rootVersion, sealed(raw, [...alsoBy, ...this.holders.root.keys]))
  }

  /** New targets of the top-level role, from scratch. */
  publish(targets: readonly Target[], delegations: JsonObject | null = null, expires = later(90 + this.horizon)): void {
    const version = (this.targets?.signed.version ?? 0) + 1
    this.putTargets(sealed(writeTargets(this.head(version, expires), targets, delegations), this.holders.targets.keys))
    this.announce()
  }

  putTargets(bytes: Uint8Array): void {
    this.targets = orThrow(readMetadata('targets', bytes, 'test'))
    this.serve('targets', this.targets.signed.version, bytes)
  }

  /** Targets of a delegated role, signed by `keys`; call `announce` afterwards. */
  putDelegated(role: string, targets: readonly Target[], keys: readonly TestKey[], delegations?: JsonObject): void {
    const version = (this.delegated.get(role)?.signed.version ?? 0) + 1
    const bytes = sealed(writeTargets({ version, expires: later(90 + this.horizon) }, targets, delegations), keys)
    this.delegated.set(role, orThrow(readMetadata('targets', bytes, 'test')))
    this.serve(role, version, bytes)
  }

  /** A snapshot and a timestamp over what there is. */
  announce(snapshotExpires = later(7 + this.horizon), timestampExpires = later(1 + this.horizon)): void {
    const changed = new Map([['targets', this.targets as Document<Targets>], ...this.delegated])
    const raw = nextSnapshot(this.snapshot?.signed ?? null, changed, this.head(0, snapshotExpires), nodeCrypto)
    const bytes = sealed(raw, this.holders.snapshot.keys)
    this.snapshot = orThrow(readMetadata('snapshot', bytes, 'test'))
    this.serve('snapshot', this.snapshot.signed.version, bytes)
    this.stamp(timestampExpires)
  }

  /** A new timestamp over the same snapshot. */
  stamp(expires = later(1 + this.horizon)): void {
    const snapshot = this.snapshot as Document<Snapshot>
    const raw = nextTimestamp(this.timestamp?.signed ?? null, snapshot, this.head(0, expires), nodeCrypto)
    const bytes = sealed(raw, this.holders.timestamp.keys)
    this.timestamp = orThrow(readMetadata('timestamp', bytes, 'test'))
    this.serve('timestamp', this.timestamp.signed.version, bytes)
  }

  serve(role: string, version: number, bytes: Uint8Array): Uint8Array {
    this.files.set(fileName(role, version), bytes)
    return bytes
  }

  head(version: number, expires: Instant): { version: number; expires: Instant; site?: string } {
    return { version, expires, ...(this.site === null ? {} : { site: this.site }) }
  }

  /** What a client is enrolled with. */
  enrolled(): TrustedSet {
    return orThrow(trustRoot(this.name, this.files.get('1.root.json') as Uint8Array, nodeCrypto, { site: this.site }))
  }

  /** Answers a generator's requests from the files. */
  drive<T>(workflow: Generator<FileRequest, T, FileAnswer>): T {
    let step = workflow.next()
    while (!step.done) {
      this.asked.push(step.value.path)
      step = workflow.next(this.files.get(step.value.path) ?? null)
    }
    return step.value
  }
}
