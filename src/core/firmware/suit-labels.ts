/**
 * The integers of the SUIT subset, as IANA registers them for draft-ietf-suit-manifest-34 (registry "Software Update for
 * the Internet of Things"), and Voltseal's own parameters in the range for private use, below -255.
 * docs/release-format.md shows the bytes.
 */

export const ENVELOPE_TAG = 107
/** COSE algorithm identifier of SHA-256 (RFC 9054 §2.1). */
export const SHA256_ALG = -16

export const ENVELOPE = { authentication: 2, manifest: 3 } as const

export const MANIFEST = {
  encodingVersion: 1,
  sequenceNumber: 2,
  common: 3,
  validate: 7,
  invoke: 9,
  install: 20,
} as const

export const COMMON = { components: 2, sharedSequence: 4 } as const

/** The commands on the allowlist. Every other command is a refusal, also one that the draft knows. */
export const COMMAND = {
  vendorIdentifier: 1,
  classIdentifier: 2,
  imageMatch: 3,
  setComponentIndex: 12,
  write: 18,
  overrideParameters: 20,
  fetch: 21,
  invoke: 23,
} as const

/** The parameters on the allowlist; those below -255 are Voltseal's. */
export const PARAMETER = {
  vendorIdentifier: 1,
  classIdentifier: 2,
  imageDigest: 3,
  imageSize: 14,
  content: 18,
  uri: 21,
  vendorName: -256,
  className: -257,
  version: -258,
  hardware: -259,
  bootloader: -260,
  dependencies: -261,
  health: -262,
  furtherComponents: -263,
  chunks: -264,
  transition: -265,
  encryption: -266,
} as const

/** The first item of a transition. */
export const TRANSITION = { add: 0, retire: 1 } as const

/** The component that the image is written to comes first, the security counter second. */
export const IMAGE_COMPONENT = 0
export const COUNTER_COMPONENT = 1
/** The name of the security counter's component. */
export const COUNTER_NAME = 'counter'

/** Reporting policy of a condition or directive: send a record on success and on failure, with system information. */
export const REPORT_ALL = 15
