import type { Crypto } from '../core/encoding/crypto.ts'
import { isImageOf } from '../core/firmware/acceptance.ts'
import { LIMITS, parseFacts } from '../core/firmware/facts.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { authorManifest } from '../core/firmware/suit-author.ts'
import { assembleEnvelope } from '../core/firmware/suit-envelope.ts'
import { inspectEnvelope, type UnverifiedEnvelope } from '../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'

/** A release in memory: the envelope (unsigned when it is new) and the image that travels beside it. */
export type Release = {
  readonly facts: ReleaseFacts
  readonly manifest: Uint8Array
  readonly envelope: Uint8Array
  readonly image: Uint8Array
}

/** What is said of a release when nobody says otherwise. */
export const RELEASE_DEFAULTS = {
  component: 'app',
  counter: 0,
  bootloader: { min: 0, max: LIMITS.word },
  dependencies: [],
  health: { windowMillis: 60_000, probes: [] },
} as const

type Stated = Omit<ReleaseFacts, 'imageSize' | 'imageDigest'>
/** What a release engineer states, unread: every field is checked. Those with a default may be left out. */
export type ReleaseInput = {
  readonly image: Uint8Array
  readonly facts: { readonly [Name in Exclude<keyof Stated, keyof typeof RELEASE_DEFAULTS>]: unknown } & {
    readonly [Name in keyof typeof RELEASE_DEFAULTS]?: unknown
  }
}

/**
 * Makes an unsigned release of an image. The length and the digest are measured, never stated. Nothing is durable on
 * return: writing is the caller's. The same input gives the same bytes.
 *
 * Refuses `image-empty`, `image-too-large`, `release-fact-invalid` and `version-malformed`.
 */
export function createRelease(input: ReleaseInput, ports: { readonly crypto: Crypto }): Release | Refusal {
  const { image } = input
  if (image.length === 0) return refuse('image-empty', 'image', 'at least one byte', 'none')
  if (image.length > LIMITS.imageBytes) {
    return refuse('image-too-large', 'image', `at most ${LIMITS.imageBytes} bytes`, `${image.length} bytes`)
  }
  const measured = { imageSize: image.length, imageDigest: ports.crypto.sha256(image).toHex() }
  const { vendor, class: className, hardware, version, sequence } = input.facts
  const facts = parseFacts(
    {
      vendor,
      class: className,
      hardware,
      version,
      sequence,
      component: input.facts.component ?? RELEASE_DEFAULTS.component,
      counter: input.facts.counter ?? RELEASE_DEFAULTS.counter,
      bootloader: input.facts.bootloader ?? RELEASE_DEFAULTS.bootloader,
      dependencies: input.facts.dependencies ?? RELEASE_DEFAULTS.dependencies,
      health: input.facts.health ?? RELEASE_DEFAULTS.health,
      ...measured,
    },
    'release',
  )
  if (isRefusal(facts)) return facts
  const manifest = authorManifest(facts)
  return { facts, manifest, envelope: assembleEnvelope(manifest, [], ports.crypto), image }
}

/**
 * Reads a release without believing it: what the envelope says, and that the image beside it (when one is given) is the
 * one it names. Refuses the codes of `inspectEnvelope` and of `isImageOf`.
 */
export function inspectRelease(
  release: { readonly envelope: Uint8Array; readonly image?: Uint8Array },
  ports: { readonly crypto: Crypto },
): UnverifiedEnvelope | Refusal {
  const seen = inspectEnvelope(release.envelope, ports.crypto)
  if (isRefusal(seen) || release.image === undefined) return seen
  return isImageOf(seen.facts, release.image, ports.crypto) ?? seen
}
