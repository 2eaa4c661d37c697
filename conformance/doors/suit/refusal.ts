import type { CodeTable } from '../../../src/core/refusal/code.ts'
import { isRefusal, type Refusal, sentence } from '../../../src/core/refusal/refusal.ts'

/**
 * Refusals of this door. Where the product judges the same thing, the product's own code is given; these are the codes of
 * what the product does not have: conditions of other authors' manifests, severed parts, and the limits of the processor.
 */

const bad = { exit: 65, status: 422, action: 'refuse' } as const
const failed = { exit: 20, status: 409, action: 'refuse' } as const

export const suitCodes = {
  'suit-limit': {
    ...bad,
    title: 'the envelope asks for more than this processor does',
    fix: 'Nothing was written. The limits stand in conformance/doors/suit/limits.ts.',
  },
  'suit-digest-unknown': {
    ...bad,
    title: 'the digest is by an algorithm that is not read',
    fix: 'Author the envelope with SHA-256 (-16), which every processor has.',
  },
  'suit-severed-mismatch': {
    ...failed,
    title: 'a part that was cut off the manifest is not the one that the manifest names',
    fix: 'Do not use the envelope: the part was changed or exchanged.',
  },
  'suit-severed-missing': {
    ...bad,
    title: 'a sequence that is to run was cut off the envelope',
    fix: 'Get the whole envelope, or run "--procedure invoke", which needs no severable part.',
  },
  'suit-parameter-misplaced': {
    ...bad,
    title: 'a parameter stands where it means nothing',
    fix: 'Correct the manifest: soft failure belongs inside try-each or run-sequence, and a digest into override-parameters.',
  },
  'suit-parameter-missing': {
    ...failed,
    title: 'a command runs without the parameter that it needs',
    fix: 'Correct the manifest: set the parameter in the same sequence or in the shared one.',
  },
  'suit-component-unknown': {
    ...failed,
    title: 'the manifest names a component that this device does not have',
    fix: 'Add the component to device.json if the device has it.',
  },
  'suit-component-missing': {
    ...failed,
    title: 'the component has no image',
    fix: 'Run the sequences that bring it first, or put its file into the folder.',
  },
  'suit-image-unchecked': {
    ...failed,
    title: 'the manifest brings or starts an image that it never checks',
    fix: 'Correct the manifest: an image match belongs behind each fetch, and before each invoke.',
  },
  'suit-sequence-old': {
    ...failed,
    title: 'the manifest is older than the one that the device took last',
    fix: 'Use a manifest with a sequence number at or above the one in device.json.',
  },
  'suit-wrong-vendor': {
    ...failed,
    title: 'the manifest is for another vendor',
    fix: 'Use a manifest for this device.',
  },
  'suit-wrong-class': { ...failed, title: 'the manifest is for another class', fix: 'Use a manifest for this device.' },
  'suit-wrong-device': {
    ...failed,
    title: 'the manifest is for another device',
    fix: 'Use a manifest for this device.',
  },
  'suit-wrong-slot': {
    ...failed,
    title: 'the component is in another slot',
    fix: 'Correct "slot" in device.json, or use a manifest for this slot.',
  },
  'suit-content-differs': {
    ...failed,
    title: 'the component does not hold the content that the manifest names',
    fix: 'Run the sequences that write it first.',
  },
  'suit-aborted': { ...failed, title: 'the manifest says to stop here', fix: 'No other way is left in this manifest.' },
  'suit-exhausted': {
    ...failed,
    title: 'none of the alternatives holds here',
    fix: 'Compare the conditions of each with device.json and with the components.',
  },
  'suit-payload-missing': {
    ...failed,
    title: 'the payload is not there',
    fix: 'Put it into the folder of --payloads: its name is its URI with all but letters, digits and -._~ as %XX.',
  },
  'suit-payload-too-large': {
    ...failed,
    title: 'the payload is larger than the manifest says',
    fix: 'Nothing of it was kept. Check who serves it.',
  },
  'suit-device-invalid': {
    ...bad,
    title: 'device.json does not describe a device',
    fix: 'Write it as conformance/README.md shows.',
  },
} as const satisfies CodeTable

export type SuitCode = keyof typeof suitCodes

/** A refusal by this door's own codes: else as the product's. */
export type SuitRefusal = Omit<Refusal, 'code'> & { readonly code: SuitCode }
export type Refused = Refusal | SuitRefusal

export function stop(code: SuitCode, subject: string, expected: string, actual: string, clause?: string): SuitRefusal {
  const said = { refused: true, code, subject, expected, actual } as const
  return clause === undefined ? said : { ...said, clause }
}

export function isRefused(value: unknown): value is Refused {
  return isRefusal(value)
}

/** The sentence that people read. */
export function say(refused: Refused): string {
  if (!isOwn(refused)) return `${refused.code}: ${sentence(refused)}`
  const { title, fix } = suitCodes[refused.code]
  const { code, subject, expected, actual } = refused
  return `${code}: ${subject}: ${title} (expected ${expected}; got ${actual}). ${fix}`
}

const isOwn = (refused: Refused): refused is SuitRefusal => Object.hasOwn(suitCodes, refused.code)
