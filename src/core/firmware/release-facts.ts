import type { Version } from './version.ts'

/** A controller class that must run a version in `[min, below)` before this release may run beside it. */
export type Dependency = { readonly class: string; readonly min: Version; readonly below?: Version }

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
 * - `component`: the component's name ("app"), one per envelope.
 * - `imageSize` in bytes, `imageDigest` the SHA-256 of the plain image in lower-case hex.
 * - `bootloader`: the bootloader versions (whole numbers, inclusive) that can run it.
 */
export type ReleaseFacts = {
  readonly vendor: string
  readonly class: string
  readonly hardware: readonly string[]
  readonly version: Version
  readonly sequence: number
  readonly counter: number
  readonly component: string
  readonly imageSize: number
  readonly imageDigest: string
  readonly bootloader: { readonly min: number; readonly max: number }
  readonly dependencies: readonly Dependency[]
  readonly health: HealthSpec
}

/**
 * What the image repository's metadata repeats of a release: the custom data of the envelope's target. `payload` is the
 * target that holds the image: its path, its SHA-256 in lower-case hex, its length in bytes.
 */
export type ReleaseTarget = {
  readonly class: string
  readonly hardware: readonly string[]
  readonly version: string
  readonly sequence: number
  readonly counter: number
  readonly payload: { readonly path: string; readonly sha256: string; readonly length: number }
}

/** The custom data to publish for a release whose image is the target `payloadPath`. */
export function releaseTarget(facts: ReleaseFacts, payloadPath: string): ReleaseTarget {
  return {
    class: facts.class,
    hardware: facts.hardware,
    version: facts.version,
    sequence: facts.sequence,
    counter: facts.counter,
    payload: { path: payloadPath, sha256: facts.imageDigest, length: facts.imageSize },
  }
}
