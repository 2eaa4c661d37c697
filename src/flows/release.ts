import { concat } from '../core/encoding/bytes.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import { isImageOf } from '../core/firmware/acceptance.ts'
import { LIMITS, parseFacts } from '../core/firmware/facts.ts'
import { CHUNK_LIMITS, measureChunks, usualChunkBytes } from '../core/firmware/payload.ts'
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
  transition: null,
  counter: 0,
  bootloader: { min: 0, max: LIMITS.word },
  dependencies: [],
  health: { windowMillis: 60_000, probes: [] },
} as const

type Stated = Omit<ReleaseFacts, 'imageSize' | 'imageDigest' | 'components' | 'chunks'> & { component: unknown }
/**
 * What a release engineer states, unread: every field is checked. Those with a default may be left out. `further`: the
 * images that move together with this one, each for a component of its own. `chunkBytes`: how the payload is checked
 * while it comes, when that is not left to us.
 */
export type ReleaseInput = {
  readonly image: Uint8Array
  readonly further?: readonly { readonly name: string; readonly image: Uint8Array }[]
  readonly chunkBytes?: number
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
  const { further = [] } = input
  const parts = [{ name: input.facts.component ?? RELEASE_DEFAULTS.component, image: input.image }, ...further]
  for (const { name, image } of parts) {
    const subject = further.length === 0 ? 'image' : `image of ${name}`
    if (image.length === 0) return refuse('image-empty', subject, 'at least one byte', 'none')
    if (image.length > LIMITS.imageBytes) {
      return refuse('image-too-large', subject, `at most ${LIMITS.imageBytes} bytes`, `${image.length} bytes`)
    }
  }
  const image = concat(...parts.map(part => part.image))
  const components = parts.map(part => ({ name: part.name as string, size: part.image.length }))
  const chunkBytes = input.chunkBytes ?? usualChunkBytes(components)
  const measured = {
    imageSize: image.length,
    imageDigest: ports.crypto.sha256(image).toHex(),
    components,
    chunks: measurable(chunkBytes) ? measureChunks(image, components, chunkBytes, ports.crypto) : { bytes: chunkBytes },
  }
  const { vendor, class: className, hardware, version, sequence } = input.facts
  const facts = parseFacts(
    {
      vendor,
      class: className,
      hardware,
      version,
      sequence,
      counter: input.facts.counter ?? RELEASE_DEFAULTS.counter,
      bootloader: input.facts.bootloader ?? RELEASE_DEFAULTS.bootloader,
      dependencies: input.facts.dependencies ?? RELEASE_DEFAULTS.dependencies,
      health: input.facts.health ?? RELEASE_DEFAULTS.health,
      transition: input.facts.transition ?? RELEASE_DEFAULTS.transition,
      ...measured,
    },
    'release',
  )
  if (isRefusal(facts)) return facts
  const manifest = authorManifest(facts)
  return { facts, manifest, envelope: assembleEnvelope(manifest, [], ports.crypto), image }
}

const measurable = (chunkBytes: number): boolean => Number.isInteger(chunkBytes) && chunkBytes >= CHUNK_LIMITS.minBytes

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
