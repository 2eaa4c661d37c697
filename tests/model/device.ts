import type { Transition } from '../../src/core/firmware/release-facts.ts'
import type { Anchor } from '../../src/core/firmware/suit-open.ts'
import { activeOnly, hasFailed, isNamed, type Memory } from '../../src/core/slot/memory.ts'
import { type Bootable, digestPrefix, type Slot, UNKNOWN_NOTE, type Verdict } from '../../src/core/slot/slot.ts'

/**
 * The device of the model: everything durable, and what runs. Small enough that every state of it can be visited; what
 * it leaves out is told in docs/controller.md, "What is explored".
 */

/** An image by its number: 0 is none that verifies (erased, half written, rotten), 1 to 3 are releases, rising. */
export type ImageNumber = 0 | 1 | 2 | 3
export const VERSIONS = [1, 2, 3] as const

const key = (number: number): Anchor => ({
  kid: String(number).repeat(64),
  key: { alg: 'ed25519', spki: new Uint8Array(32).fill(number) },
})
/** The device's first key, and the one that follows it. */
export const KEYS = [key(1), key(2)] as const

/** A release as the model knows it: what the boot machine asks of an image, and which keys signed it. */
export type ModelImage = {
  readonly number: ImageNumber
  readonly digest: string
  readonly sequence: number
  readonly version: string
  readonly counter: number
  readonly transition: Transition | null
  /** Bits of KEYS. */
  readonly signedBy: number
}

const image = (number: 1 | 2 | 3, transition: Transition | null, signedBy: number): ModelImage => ({
  number,
  digest: String(number).repeat(64),
  sequence: number * 10,
  version: `${number}.0.0`,
  counter: number - 1,
  transition,
  signedBy,
})

/**
 * Three releases with rising counters. The second brings the second key, signed by the first; the third retires the
 * first key, signed by both.
 */
export const IMAGES: Readonly<Record<1 | 2 | 3, ModelImage>> = {
  1: image(1, null, 0b01),
  2: image(2, { kind: 'add', kid: KEYS[1].kid, alg: 'ed25519', spki: KEYS[1].key.spki.toHex() }, 0b01),
  3: image(3, { kind: 'retire', kid: KEYS[0].kid }, 0b11),
}

/** What runs. `off`: the power is away. `reset`: it is not, and the device is about to boot. */
export type Power =
  | { readonly at: 'off' }
  | { readonly at: 'reset'; readonly cause: 'watchdog' | 'software' }
  | { readonly at: 'running'; readonly slot: Bootable; readonly trial: boolean; readonly image: ImageNumber }
  | { readonly at: 'halted' }

/**
 * One state. `records` are the whole records, newest first, as many as the configuration keeps; none is a device that
 * remembers nothing. `torn` is a record that was cut while it was written, and reads as whole or as nothing, anew at each
 * boot.
 */
export type Device = {
  readonly records: readonly Memory[]
  readonly torn: Memory | null
  readonly a: ImageNumber
  readonly b: ImageNumber
  readonly golden: boolean
  /** Nothing that is written to the record blocks stays any more. */
  readonly worn: boolean
  readonly counter: number
  /** Bits of KEYS. */
  readonly anchors: number
  readonly power: Power
  /** The image that is being received; the slot for it is erased. */
  readonly installing: ImageNumber
  readonly seen: Seen
}

/** What the laws need of the past. */
export type Seen = {
  /** Harms that are left to come. */
  readonly rotsLeft: number
  /** Whether harm came to a slot, to the records, to golden. */
  readonly slotRot: boolean
  readonly recordRot: boolean
  readonly goldenRot: boolean
  /** Times that an unconfirmed image has run since a confirmed one did. */
  readonly trialRuns: number
  /** Versions that were given up, as bits. */
  readonly failed: number
  /** The newest version that was seen to run as confirmed. */
  readonly standing: ImageNumber
  /** Versions that were confirmed, as bits; one whose record was cut counts, since it may be read as whole. */
  readonly confirmed: number
}

export type Configuration = {
  readonly tries: number
  readonly losses: number
  /** Harms in one life: a slot, a record or golden rots, a slot is written over from outside, the record blocks wear out. */
  readonly rots: number
  /** Whole records that are kept apart. */
  readonly records: number
}

/** A set of versions as bits. */
export const bit = (number: ImageNumber): number => (number === 0 ? 0 : 1 << number)

export function newDevice({ rots }: Configuration): Device {
  const { digest, sequence, version, counter } = IMAGES[1]
  const memory: Memory = {
    state: { at: 'stable', ...activeOnly('a'), floor: counter },
    slots: { a: { state: 'confirmed', digest: digestPrefix(digest), sequence, version, counter }, b: UNKNOWN_NOTE },
    failed: [],
    update: '',
  }
  return {
    records: [memory],
    torn: null,
    a: 1,
    b: 0,
    golden: true,
    worn: false,
    counter,
    anchors: 0b01,
    power: { at: 'off' },
    installing: 0,
    seen: {
      rotsLeft: rots,
      slotRot: false,
      recordRot: false,
      goldenRot: false,
      trialRuns: 0,
      failed: 0,
      standing: 1,
      confirmed: bit(1),
    },
  }
}

export const BLANK: Memory = {
  state: { at: 'blank' },
  slots: { a: UNKNOWN_NOTE, b: UNKNOWN_NOTE },
  failed: [],
  update: '',
}

/** The number of an image by its digest or a prefix of it; 0 for none. */
export const numberOf = (digest: string): ImageNumber => (digest === '' ? 0 : (Number(digest[0]) as ImageNumber))

export const anchorsOf = (bits: number): readonly Anchor[] => KEYS.filter((_, index) => (bits & (1 << index)) !== 0)
export const bitOf = (kid: string): number => 1 << KEYS.findIndex(one => one.kid === kid)

/** What verifying a slot finds: the image, if it is whole, signed by a key that is accepted, and not below the counter. */
export function verdictOf(device: Pick<Device, 'a' | 'b' | 'golden' | 'counter' | 'anchors'>, slot: Bootable): Verdict {
  if (slot === 'golden') {
    return device.golden
      ? { good: true, digest: 'f'.repeat(64), sequence: 1, version: '0.1.0', counter: 0, transition: null, signers: [] }
      : { good: false, reason: 'slot-image-damaged' }
  }
  const number = device[slot]
  if (number === 0) return { good: false, reason: 'slot-empty' }
  const { digest, sequence, version, counter, transition, signedBy } = IMAGES[number]
  const signers = anchorsOf(device.anchors & signedBy).map(({ kid }) => kid)
  if (signers.length === 0) return { good: false, reason: 'envelope-key-unknown' }
  if (counter < device.counter) return { good: false, reason: 'release-below-floor' }
  return { good: true, digest, sequence, version, counter, transition, signers }
}

export const withSlot = (device: Device, slot: Slot, content: ImageNumber): Device =>
  slot === 'a' ? { ...device, a: content } : { ...device, b: content }

/**
 * A slot that verifies and could run: it is the confirmed one, or its version has not failed here. (Golden may install
 * the confirmed version a second time; when that trial fails, the slot in which it was confirmed runs on.)
 */
export function slotThatCould(device: Device): Slot | null {
  const memory = device.records[0] ?? BLANK
  const could = (['a', 'b'] as const).find(slot => {
    const verdict = verdictOf(device, slot)
    if (!verdict.good) return false
    return !hasFailed(memory, verdict) || (memory.state.at !== 'trial' && isNamed(memory, slot, verdict))
  })
  return could ?? null
}
