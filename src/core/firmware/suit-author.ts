import { utf8 } from '../encoding/bytes.ts'
import { type Cbor, encodeCbor } from '../encoding/cbor.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { DNS_NAMESPACE, uuid5 } from '../encoding/uuid.ts'
import { A256GCM, carriedBy, type Encryption } from './encryption.ts'
import type { Component, ReleaseFacts, Transition } from './release-facts.ts'
import {
  COMMAND,
  COMMON,
  COUNTER_COMPONENT,
  COUNTER_NAME,
  IMAGE_COMPONENT,
  MANIFEST,
  PARAMETER,
  REPORT_ALL,
  SHA256_ALG,
  TRANSITION,
} from './suit-labels.ts'

/** A vendor's identifier: UUID version 5 of its DNS name (draft-ietf-suit-manifest-34 §8.4.8.2). */
export function vendorIdentifier(vendor: string): Uint8Array {
  return uuid5(DNS_NAMESPACE, vendor)
}

/** A class's identifier: UUID version 5 of its name, in the name space of its vendor's identifier. */
export function classIdentifier(vendor: Uint8Array, className: string): Uint8Array {
  return uuid5(vendor, className)
}

/**
 * The name of what travels by its content (RFC 6920 §3): it says which bytes, and leaves where from to the repository's
 * metadata, so that any mirror serves them.
 */
export function imageUri(carried: string): string {
  const digest = Uint8Array.fromHex(carried)
  return `ni:///sha-256;${digest.toBase64({ alphabet: 'base64url', omitPadding: true })}`
}

/** The content that is written to the counter's component: 32 bits, big-endian. */
export function counterContent(counter: number): Uint8Array {
  const content = new Uint8Array(4)
  new DataView(content.buffer).setUint32(0, counter)
  return content
}

/**
 * SHA-256 of a manifest, or of a part that was cut off it, as it stands in its byte string: the head of the string is
 * measured too (draft-ietf-suit-manifest-34 §8.3 and §8.4.12).
 */
export function wrappedSha256(part: Uint8Array, crypto: Crypto): Uint8Array {
  return crypto.sha256(encodeCbor(part))
}

/** A SUIT_Digest of SHA-256: what authentication blocks sign, and how an image is named. */
export function suitDigest(sha256: Uint8Array): Uint8Array {
  return encodeCbor([SHA256_ALG, sha256])
}

/**
 * The manifest of a release, in the one form that Voltseal writes. `facts` come from `parseFacts`: the same facts give
 * the same bytes, for ever.
 *
 * Shared: set the parameters, check vendor and class. Install: fetch the image, check it where it was written, write the
 * counter. Validate (each power-up): check the image. Invoke: run it. A device holds the write to the counter back until
 * the image has been confirmed: the write states the floor, confirmation commits it.
 */
export function authorManifest(facts: ReleaseFacts): Uint8Array {
  const { sequence } = facts
  const common = new Map<number, Cbor>([
    [COMMON.components, [[utf8((facts.components[0] as Component).name)], [utf8(COUNTER_NAME)]]],
    [COMMON.sharedSequence, encodeCbor(sharedSequence(facts))],
  ])
  const imageMatch = [COMMAND.setComponentIndex, IMAGE_COMPONENT, COMMAND.imageMatch, REPORT_ALL]
  return encodeCbor(
    new Map<number, Cbor>([
      [MANIFEST.encodingVersion, 1],
      [MANIFEST.sequenceNumber, sequence],
      [MANIFEST.common, encodeCbor(common)],
      [MANIFEST.validate, encodeCbor(imageMatch)],
      [MANIFEST.invoke, encodeCbor([COMMAND.setComponentIndex, IMAGE_COMPONENT, COMMAND.invoke, REPORT_ALL])],
      [MANIFEST.install, encodeCbor(installSequence(facts))],
    ]),
  )
}

function sharedSequence(facts: ReleaseFacts): Cbor {
  const { vendor, hardware, version, bootloader, health, chunks, transition, encryption } = facts
  const further = facts.components.slice(1)
  const dependencies = facts.dependencies.map(({ class: name, min, below }) => [name, min, below ?? null])
  const vendorId = vendorIdentifier(vendor)
  const parameters = new Map<number, Cbor>([
    [PARAMETER.vendorIdentifier, vendorId],
    [PARAMETER.classIdentifier, classIdentifier(vendorId, facts.class)],
    [PARAMETER.imageDigest, suitDigest(Uint8Array.fromHex(facts.imageDigest))],
    [PARAMETER.imageSize, facts.imageSize],
    [PARAMETER.vendorName, vendor],
    [PARAMETER.className, facts.class],
    [PARAMETER.version, version],
    [PARAMETER.hardware, encodeCbor(hardware)],
    [PARAMETER.bootloader, encodeCbor([bootloader.min, bootloader.max])],
    [PARAMETER.dependencies, encodeCbor(dependencies)],
    [PARAMETER.health, encodeCbor([health.windowMillis, health.probes])],
    [PARAMETER.chunks, encodeCbor([chunks.bytes, Uint8Array.fromHex(chunks.digests.join(''))])],
  ])
  if (further.length > 0) {
    parameters.set(PARAMETER.furtherComponents, encodeCbor(further.map(({ name, size }) => [name, size])))
  }
  if (transition !== null) parameters.set(PARAMETER.transition, encodeCbor(transitionItems(transition)))
  if (encryption !== null) parameters.set(PARAMETER.encryption, encodeCbor(encryptionItems(encryption)))
  return [
    COMMAND.setComponentIndex,
    IMAGE_COMPONENT,
    COMMAND.overrideParameters,
    parameters,
    COMMAND.vendorIdentifier,
    REPORT_ALL,
    COMMAND.classIdentifier,
    REPORT_ALL,
  ]
}

function transitionItems(transition: Transition): Cbor {
  if (transition.kind === 'retire') return [TRANSITION.retire, Uint8Array.fromHex(transition.kid)]
  const { kid, alg, spki } = transition
  return [TRANSITION.add, Uint8Array.fromHex(kid), alg, Uint8Array.fromHex(spki)]
}

function encryptionItems({ segmentBytes, digest, keyCheck }: Encryption): Cbor {
  return [A256GCM, segmentBytes, Uint8Array.fromHex(digest), Uint8Array.fromHex(keyCheck)]
}

function installSequence(facts: ReleaseFacts): Cbor {
  return [
    COMMAND.setComponentIndex,
    IMAGE_COMPONENT,
    COMMAND.overrideParameters,
    new Map([[PARAMETER.uri, imageUri(carriedBy(facts).sha256)]]),
    COMMAND.fetch,
    REPORT_ALL,
    COMMAND.imageMatch,
    REPORT_ALL,
    COMMAND.setComponentIndex,
    COUNTER_COMPONENT,
    COMMAND.overrideParameters,
    new Map([[PARAMETER.content, counterContent(facts.counter)]]),
    COMMAND.write,
    REPORT_ALL,
  ]
}
