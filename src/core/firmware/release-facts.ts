import { toBase64 } from '../encoding/bytes.ts'
import type { KeyAlgorithm } from '../encoding/crypto.ts'
import { carriedBy, type Encryption } from './encryption.ts'
import type { Version } from './version.ts'

/** A controller class that must run a version in `[min, below)` before this release may run beside it. */
export type Dependency = { readonly class: string; readonly min: Version; readonly below?: Version }

/** One image of a release: which component of the controller it is for, and its bytes. */
export type Component = { readonly name: string; readonly size: number }

/**
 * The digests by which a download is checked piece by piece: `bytes` in each chunk (the last of a component may be
 * shorter; each component starts a new one), `digests` the first 16 bytes of their SHA-256 in lower-case hex, in the
 * order of the payload. An early warning: what decides is the digest of the whole.
 */
export type Chunks = { readonly bytes: number; readonly digests: readonly string[] }

/**
 * A change of the keys that a device accepts, done when the release that carries it has been confirmed: a key is added
 * by a release that the old key signed, and the old one is retired by a release that the new key signed. `kid` is the
 * key's id, `spki` its SubjectPublicKeyInfo, both in lower-case hex.
 */
export type Transition =
  | { readonly kind: 'add'; readonly kid: string; readonly alg: KeyAlgorithm; readonly spki: string }
  | { readonly kind: 'retire'; readonly kid: string }

/** How the device judges a trial boot: every probe must pass throughout a window of `windowMillis` milliseconds. */
export type HealthSpec = { readonly windowMillis: number; readonly probes: readonly string[] }

/**
 * What a release says of itself, in the signed manifest and nowhere else. Each fact has one owner; where a repository's
 * metadata repeats one (class, hardware, version, sequence, counter, digest, length) it must be equal, or the package is
 * refused.
 *
 * - `vendor`: a DNS name ("voltworks.example"); the vendor identifier is its UUID version 5.
 * - `class`: the product class ("bms-rack"); the class identifier is its UUID version 5 under the vendor's.
 * - `hardware`: the hardware revisions that may run it, at least one.
 * - `sequence`: the manifest's sequence number (rises with each manifest of the class, also for a re-issue).
 * - `counter`: the security counter: the floor that this release belongs to.
 * - `components`: the images, first the one that the controller runs from ("app"), then those that move together with
 *   it. The payload is all of them, one behind the other.
 * - `imageSize` of the payload in bytes, `imageDigest` its SHA-256 in lower-case hex.
 * - `chunks`: how the payload is checked while it comes.
 * - `bootloader`: the bootloader versions (whole numbers, inclusive) that can run it.
 * - `transition`: the change of keys that comes with it, null for nearly all releases.
 * - `encryption`: how the payload travels encrypted; null for one that travels as it is. Size, digest and chunks are those
 *   of the images in flash, encrypted or not.
 */
export type ReleaseFacts = {
  readonly vendor: string
  readonly class: string
  readonly hardware: readonly string[]
  readonly version: Version
  readonly sequence: number
  readonly counter: number
  readonly components: readonly Component[]
  readonly imageSize: number
  readonly imageDigest: string
  readonly chunks: Chunks
  readonly bootloader: { readonly min: number; readonly max: number }
  readonly dependencies: readonly Dependency[]
  readonly health: HealthSpec
  readonly transition: Transition | null
  readonly encryption: Encryption | null
}

/**
 * What the image repository's metadata repeats of a release: the custom data of the envelope's target. `payload` is the
 * target that holds what travels: its path, its SHA-256 in lower-case hex, its length in bytes. `encrypted`, of an encrypted
 * payload only: the SHA-256 of the images in the clear, and the content key, wrapped for those who may wrap it for
 * controllers, each in base64. `transition`: the change of keys,
 * when the release carries one, so that those releases are found without opening every envelope.
 */
export type ReleaseTarget = {
  readonly class: string
  readonly hardware: readonly string[]
  readonly version: string
  readonly sequence: number
  readonly counter: number
  readonly payload: { readonly path: string; readonly sha256: string; readonly length: number }
  readonly encrypted?: { readonly image: string; readonly contentKeys: readonly string[] }
  readonly transition?: { readonly kind: 'add' | 'retire'; readonly kid: string }
}

/** The custom data to publish for a release whose payload is the target `payloadPath`. */
export function releaseTarget(
  facts: ReleaseFacts,
  payloadPath: string,
  contentKeys: readonly Uint8Array[] = [],
): ReleaseTarget {
  return {
    class: facts.class,
    hardware: facts.hardware,
    version: facts.version,
    sequence: facts.sequence,
    counter: facts.counter,
    payload: { path: payloadPath, ...carriedBy(facts) },
    ...(facts.encryption === null
      ? {}
      : { encrypted: { image: facts.imageDigest, contentKeys: contentKeys.map(toBase64) } }),
    ...(facts.transition === null ? {} : { transition: changeOf(facts.transition) }),
  }
}

/** A change of keys by its kind and the key's id. */
export const changeOf = ({ kind, kid }: Pick<Transition, 'kind' | 'kid'>) => ({ kind, kid })
