import { memoryOf } from '../core/delta/patch.ts'
import { readPatch } from '../core/delta/whole.ts'
import { concat } from '../core/encoding/bytes.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import { isPayloadOf } from '../core/firmware/acceptance.ts'
import { LIMITS, parseFacts } from '../core/firmware/facts.ts'
import { mcubootAgrees, mcubootVersion } from '../core/firmware/mcuboot/agree.ts'
import { mcubootImage, mcubootSigned } from '../core/firmware/mcuboot/author.ts'
import type { McubootDependency, McubootVersion } from '../core/firmware/mcuboot/layout.ts'
import { readMcuboot, verifyMcuboot } from '../core/firmware/mcuboot/read.ts'
import { CHUNK_LIMITS, measureChunks, usualChunkBytes } from '../core/firmware/payload.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { authorManifest } from '../core/firmware/suit-author.ts'
import { assembleEnvelope } from '../core/firmware/suit-envelope.ts'
import { inspectEnvelope, type UnverifiedEnvelope } from '../core/firmware/suit-open.ts'
import { parseVersion } from '../core/firmware/version.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { type EncryptTo, encryptFor } from './encrypt.ts'
import type { Signer } from './ports.ts'

/**
 * A release in memory: the envelope (unsigned when it is new), the images in the clear, and the payload that travels beside
 * the envelope: the same bytes, or their ciphertext, and then its content key wrapped for whom it was encrypted to.
 */
export type Release = {
  readonly facts: ReleaseFacts
  readonly manifest: Uint8Array
  readonly envelope: Uint8Array
  readonly image: Uint8Array
  readonly payload: Uint8Array
  readonly contentKeys: readonly Uint8Array[]
  readonly patches: readonly TravellingPatch[]
}

/** A patch to the images of a release, in the clear; `base`: SHA-256 of what it is from, in lower-case hex. */
export type ReleasePatch = { readonly base: string; readonly bytes: Uint8Array }
/** A patch as it travels beside the payload, encrypted where that is, and the memory that applying it takes, in bytes. */
export type TravellingPatch = ReleasePatch & { readonly memory: number }

/** What is said of a release when nobody says otherwise. */
export const RELEASE_DEFAULTS = {
  component: 'app',
  transition: null,
  counter: 0,
  bootloader: { min: 0, max: LIMITS.word },
  dependencies: [],
  health: { windowMillis: 60_000, probes: [] },
} as const

type Stated = Omit<ReleaseFacts, 'imageSize' | 'imageDigest' | 'components' | 'chunks' | 'encryption'> & {
  component: unknown
}
/**
 * What a release engineer states, unread: every field is checked. Those with a default may be left out. `further`: the
 * images that move together with this one, each for a component of its own. `chunkBytes`: how the payload is checked
 * while it comes, when that is not left to us. `encrypt`: the payload travels encrypted, for these. `patches`: what some already run becomes it by.
 */
export type ReleaseInput = {
  readonly image: Uint8Array
  readonly further?: readonly { readonly name: string; readonly image: Uint8Array }[]
  readonly chunkBytes?: number
  readonly encrypt?: EncryptTo
  readonly patches?: readonly ReleasePatch[]
  readonly facts: { readonly [Name in Exclude<keyof Stated, keyof typeof RELEASE_DEFAULTS>]: unknown } & {
    readonly [Name in keyof typeof RELEASE_DEFAULTS]?: unknown
  }
}

/**
 * Makes an unsigned release of an image. The length and the digest are measured, never stated. Nothing is durable on
 * return: writing is the caller's. The same input gives the same bytes, unless it is encrypted.
 *
 * Refuses `image-empty`, `image-too-large`, `release-fact-invalid`, `version-malformed`, `retirement-keeps-floor`, and what
 * `mcubootAgrees`, `encryptFor` and the readers of patches refuse.
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
  const { patches = [] } = input
  const memory = memoryOfPatches(patches, measured.imageDigest, ports.crypto)
  if (isRefusal(memory)) return memory
  const encrypted =
    input.encrypt === undefined ? null : encryptFor(image, measured.imageDigest, input.encrypt, ports.crypto, patches)
  if (isRefusal(encrypted)) return encrypted
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
      encryption: encrypted?.encryption ?? null,
    },
    'release',
  )
  if (isRefusal(facts)) return facts
  if (facts.transition?.kind === 'retire' && facts.counter === 0) {
    // No device has a floor below 0: every one of them would refuse it, for the same reason.
    const expected = 'a security counter above that of every release before'
    return refuse('retirement-keeps-floor', `release ${facts.class} ${facts.version}`, expected, '0')
  }
  const disagreement = mcubootAgrees(facts, image, ports.crypto)
  if (disagreement !== null) return disagreement
  const manifest = authorManifest(facts)
  const envelope = assembleEnvelope(manifest, [], ports.crypto)
  const [payload, contentKeys] = encrypted === null ? [image, []] : [encrypted.ciphertext, encrypted.contentKeys]
  const travelling = patches.map(({ base, bytes }, index) => {
    return { base, bytes: encrypted?.patches[index] ?? bytes, memory: memory[index] as number }
  })
  return { facts, manifest, envelope, image, payload, contentKeys, patches: travelling }
}

/** What applying each patch takes. Refuses what `readPatch` refuses, `release-patch-refused`: it is between other images. */
function memoryOfPatches(patches: readonly ReleasePatch[], image: string, crypto: Crypto): readonly number[] | Refusal {
  const memory: number[] = []
  for (const { base, bytes } of patches) {
    const subject = `patch from ${base.slice(0, 16)}`
    const header = readPatch(crypto, bytes, subject)
    if (isRefusal(header)) return header
    if (header.base.digest.toHex() !== base || header.target.digest.toHex() !== image) {
      return refuse('release-patch-refused', subject, `one from it to ${image}`, 'one between other images')
    }
    memory.push(memoryOf(header))
  }
  return memory
}

/** What makes an image one for MCUboot: its version and counter are those of the release. */
export type McubootOptions = {
  readonly image: Uint8Array
  readonly version: unknown
  readonly counter: number
  /** Bytes of the header, as the boot loader was built for. */
  readonly headerBytes: number
  readonly dependencies: readonly { readonly image: number; readonly atLeast: unknown }[]
}

/**
 * An image in the format of MCUboot, signed with ECDSA P-256: the payload of a release whose controllers boot by MCUboot.
 * What was written is read back and verified before it is handed out. Refuses `version-malformed`,
 * `mcuboot-fact-invalid`, `signer-faulty`, and what the signer refuses.
 */
export async function mcubootPayload(
  options: McubootOptions,
  { crypto, signer }: { readonly crypto: Crypto; readonly signer: Signer },
): Promise<Uint8Array | Refusal> {
  if (signer.key.alg !== 'ecdsa-p256') {
    return refuse('mcuboot-fact-invalid', 'key', 'ECDSA P-256', signer.key.alg)
  }
  const version = mcubootVersionOf(options.version)
  if (isRefusal(version)) return version
  const dependencies: McubootDependency[] = []
  for (const { image, atLeast } of options.dependencies) {
    const least = mcubootVersionOf(atLeast)
    if (isRefusal(least)) return least
    dependencies.push({ image, atLeast: least })
  }
  const { image, headerBytes, counter } = options
  const signed = mcubootSigned({ image, headerBytes, counter, version, dependencies })
  if (isRefusal(signed)) return signed
  const signature = await signer.sign(signed, 'der')
  if (isRefusal(signature)) return signature
  const payload = mcubootImage(signed, signer.key, signature, crypto)
  const read = readMcuboot(payload, 'image for MCUboot')
  const fault = isRefusal(read) ? read : verifyMcuboot(read, signer.key, 'image for MCUboot', crypto)
  return fault === null ? payload : refuse('signer-faulty', 'image for MCUboot', 'an image that verifies', fault.code)
}

function mcubootVersionOf(text: unknown): McubootVersion | Refusal {
  const version = parseVersion(text, 'image for MCUboot, version')
  return isRefusal(version) ? version : mcubootVersion(version)
}

const measurable = (chunkBytes: number): boolean => Number.isInteger(chunkBytes) && chunkBytes >= CHUNK_LIMITS.minBytes

/**
 * Reads a release without believing it: what the envelope says, and that the payload beside it (when one is given) is the
 * one it names. Refuses the codes of `inspectEnvelope` and of `isPayloadOf`.
 */
export function inspectRelease(
  release: { readonly envelope: Uint8Array; readonly payload?: Uint8Array },
  ports: { readonly crypto: Crypto },
): UnverifiedEnvelope | Refusal {
  const seen = inspectEnvelope(release.envelope, ports.crypto)
  if (isRefusal(seen) || release.payload === undefined) return seen
  return isPayloadOf(seen.facts, release.payload, ports.crypto) ?? seen
}
