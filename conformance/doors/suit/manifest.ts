import { type Cbor, describe } from '../../../src/core/encoding/cbor.ts'
import type { Crypto } from '../../../src/core/encoding/crypto.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import { type Budget, malformed, readSequence, readWrapped, type Sequence } from './commands.ts'
import { type Digest, isNamed, type Outer, readDigest } from './envelope.ts'
import { COMMON, MANIFEST, SEQUENCES, type SequenceName } from './labels.ts'
import { LIMITS } from './limits.ts'
import { isRefused, type Refused, stop } from './refusal.ts'

/** The parts of a component's identifier, in bytes. */
export type ComponentId = readonly Uint8Array[]

/** A sequence, or what names it when it was cut off the envelope. */
export type Part<T> = { readonly at: 'here'; readonly part: T } | { readonly at: 'severed'; readonly digest: Digest }

/** A manifest read whole: the numbers that are known have names, the others are kept as numbers. */
export type Manifest = {
  readonly sequenceNumber: number
  readonly referenceUri: string | null
  readonly components: readonly ComponentId[]
  /** Where the device keeps the envelope, when the manifest says so. */
  readonly home: ComponentId | null
  readonly shared: Sequence | null
  readonly sequences: ReadonlyMap<SequenceName, Part<Sequence>>
  /** The text element in its bytes: for people, and read only when they ask. */
  readonly text: Part<Uint8Array> | null
  /** Members of the manifest and of its common part that are not known. */
  readonly strangers: readonly string[]
}

const KNOWN: readonly number[] = [...Object.values(MANIFEST), ...SEQUENCES.map(({ label }) => label)]

/**
 * Reads a manifest of any author, and holds what was cut off it to the digests that it names. Runs nothing.
 *
 * Refuses `manifest-malformed`, `manifest-ambiguous`, `suit-limit`, `suit-digest-unknown`, `suit-severed-mismatch`, and
 * `envelope-member-not-allowed` for a severed part that the manifest does not name.
 */
export function readManifest(outer: Outer, crypto: Crypto): Manifest | Refused {
  const where = 'manifest'
  const members = readWrapped(outer.manifest, where)
  if (isRefused(members)) return members
  if (!(members instanceof Map)) return malformed(where, 'a map', describe(members))
  if (members.get(MANIFEST.version) !== 1) {
    return malformed(where, 'manifest version 1', describe(members.get(MANIFEST.version)))
  }
  const sequenceNumber = members.get(MANIFEST.sequenceNumber)
  if (typeof sequenceNumber !== 'number' || sequenceNumber < 0) {
    return malformed(where, 'a sequence number', describe(sequenceNumber))
  }
  const referenceUri = members.get(MANIFEST.referenceUri) ?? null
  if (referenceUri !== null && typeof referenceUri !== 'string') {
    return malformed(where, 'a reference URI', describe(referenceUri))
  }
  const home = members.has(MANIFEST.manifestComponent)
    ? readComponent(members.get(MANIFEST.manifestComponent), `${where}, manifest component`)
    : null
  if (isRefused(home)) return home

  const budget: Budget = { commands: LIMITS.commands }
  const common = readCommon(members.get(MANIFEST.common), budget)
  if (isRefused(common)) return common
  // The envelope is kept last: in the place of an image, it would replace what was just checked.
  if (home !== null && common.components.some(id => keyOf(id) === keyOf(home))) {
    return malformed(where, 'a component of its own for the envelope', keyOf(home))
  }
  const sequences = new Map<SequenceName, Part<Sequence>>()
  for (const { label, name, severable } of SEQUENCES) {
    const bytes = partOf(outer, members.get(label), label, severable, name, crypto)
    if (isRefused(bytes)) return bytes
    if (bytes === null) continue
    if (bytes.at === 'severed') {
      sequences.set(name, bytes)
      continue
    }
    const part = readSequence(bytes.part, name, budget)
    if (isRefused(part)) return part
    sequences.set(name, { at: 'here', part })
  }
  const text = partOf(outer, members.get(MANIFEST.text), MANIFEST.text, true, 'text', crypto)
  if (isRefused(text)) return text
  const strangers = [...members.keys()].filter(label => !KNOWN.includes(label as number)).map(String)
  return {
    sequenceNumber,
    referenceUri,
    home,
    ...common,
    sequences,
    text,
    strangers: [...strangers, ...common.strangers],
  }
}

function readCommon(
  item: Cbor | undefined,
  budget: Budget,
): Pick<Manifest, 'components' | 'shared' | 'strangers'> | Refused {
  const where = 'common'
  const members = readWrapped(item, where)
  if (isRefused(members)) return members
  if (!(members instanceof Map)) return malformed(where, 'a map', describe(members))
  const list = members.get(COMMON.components)
  if (!Array.isArray(list) || list.length === 0) return malformed(where, 'components', describe(list))
  if (list.length > LIMITS.components) {
    return stop('suit-limit', where, `at most ${LIMITS.components} components`, String(list.length))
  }
  const components: ComponentId[] = []
  for (const [index, part] of (list as readonly Cbor[]).entries()) {
    const component = readComponent(part, `component ${index}`)
    if (isRefused(component)) return component
    if (components.some(other => keyOf(other) === keyOf(component))) {
      return malformed(where, 'each component once', `${keyOf(component)} again`)
    }
    components.push(component)
  }
  const sequence = members.get(COMMON.sharedSequence)
  const shared = sequence === undefined ? null : readSequence(sequence, 'shared', budget)
  if (isRefused(shared)) return shared
  const known: readonly unknown[] = Object.values(COMMON)
  const strangers = [...members.keys()].filter(label => !known.includes(label)).map(label => `common ${label}`)
  return { components, shared, strangers }
}

function readComponent(item: Cbor | undefined, where: string): ComponentId | Refused {
  const parts = Array.isArray(item) ? (item as readonly Cbor[]) : []
  const { segments, segmentBytes } = LIMITS
  const fits = (part: Cbor): boolean => part instanceof Uint8Array && part.length > 0 && part.length <= segmentBytes
  if (parts.length > 0 && parts.length <= segments && parts.every(fits)) return parts as readonly Uint8Array[]
  return malformed(where, `1 to ${segments} parts of 1 to ${segmentBytes} bytes`, describe(item))
}

/** A component's identifier as one word: its parts in hex. It is safe as the name of a file. */
export const keyOf = (id: ComponentId): string => id.map(part => part.toHex()).join('-')

/** A member that is either in the manifest, or in the envelope under a digest in the manifest, or cut off. */
function partOf(
  outer: Outer,
  item: Cbor | undefined,
  label: number,
  severable: boolean,
  name: string,
  crypto: Crypto,
): Part<Uint8Array> | null | Refused {
  const apart = outer.severed.get(label)
  const digest = severable ? readDigest(item) : null
  if (digest !== null) {
    if (apart === undefined) return { at: 'severed', digest }
    const other = isNamed(apart, digest, name, 'suit-severed-mismatch', crypto)
    return other ?? { at: 'here', part: apart }
  }
  if (apart !== undefined) {
    return refuse('envelope-member-not-allowed', name, 'a severed part that the manifest names', 'one without a digest')
  }
  if (item === undefined) return null
  return item instanceof Uint8Array ? { at: 'here', part: item } : malformed(name, 'a byte string', describe(item))
}
