/**
 * The numbers of SUIT as the drafts register them: draft-ietf-suit-manifest-34 §11, and where a row says so
 * draft-ietf-suit-trust-domains-12. This is the wide table, for envelopes of other authors; what a Voltseal controller reads
 * stands in src/core/firmware/suit-labels.ts.
 */

export const ENVELOPE_TAG = 107
export const SHA256_ALG = -16

export const ENVELOPE: ReadonlyMap<number, string> = new Map([
  [1, 'delegation'],
  [2, 'authentication-wrapper'],
  [3, 'manifest'],
  [15, 'dependency-resolution'],
  [16, 'payload-fetch'],
  [20, 'install'],
  [23, 'text'],
])

/** The command sequences of a manifest, in the order in which they run. */
export const SEQUENCES = [
  { label: 16, name: 'payload-fetch', severable: true },
  { label: 20, name: 'install', severable: true },
  { label: 7, name: 'validate', severable: false },
  { label: 8, name: 'load', severable: false },
  { label: 9, name: 'invoke', severable: false },
  // draft-ietf-suit-trust-domains-12: never part of an update.
  { label: 24, name: 'uninstall', severable: false },
] as const

export type SequenceName = (typeof SEQUENCES)[number]['name']

export const MANIFEST = {
  version: 1,
  sequenceNumber: 2,
  common: 3,
  referenceUri: 4,
  /** Where the envelope itself is kept (draft-ietf-suit-trust-domains-12). */
  manifestComponent: 5,
  text: 23,
} as const

export const COMMON = { components: 2, sharedSequence: 4 } as const

/** What a command is: how its argument is read, and whether it may stand in the shared sequence. */
export type CommandKind = 'condition' | 'directive' | 'index' | 'parameters' | 'try-each' | 'run-sequence'

export const COMMANDS: ReadonlyMap<number, { readonly name: string; readonly kind: CommandKind }> = new Map([
  [1, { name: 'vendor-identifier', kind: 'condition' }],
  [2, { name: 'class-identifier', kind: 'condition' }],
  [3, { name: 'image-match', kind: 'condition' }],
  [5, { name: 'component-slot', kind: 'condition' }],
  [6, { name: 'check-content', kind: 'condition' }],
  [12, { name: 'set-component-index', kind: 'index' }],
  [14, { name: 'abort', kind: 'condition' }],
  [15, { name: 'try-each', kind: 'try-each' }],
  [18, { name: 'write', kind: 'directive' }],
  // draft-ietf-suit-trust-domains-12: sets what is not set yet.
  [19, { name: 'set-parameters', kind: 'parameters' }],
  [20, { name: 'override-parameters', kind: 'parameters' }],
  [21, { name: 'fetch', kind: 'directive' }],
  [22, { name: 'copy', kind: 'directive' }],
  [23, { name: 'invoke', kind: 'directive' }],
  [24, { name: 'device-identifier', kind: 'condition' }],
  [31, { name: 'swap', kind: 'directive' }],
  [32, { name: 'run-sequence', kind: 'run-sequence' }],
  // draft-ietf-suit-trust-domains-12
  [33, { name: 'unlink', kind: 'directive' }],
])

export const PARAMETER = {
  vendorIdentifier: 1,
  classIdentifier: 2,
  imageDigest: 3,
  componentSlot: 5,
  strictOrder: 12,
  softFailure: 13,
  imageSize: 14,
  content: 18,
  uri: 21,
  sourceComponent: 22,
  invokeArguments: 23,
  deviceIdentifier: 24,
} as const

export type ParameterKind = 'vendor' | 'uuid' | 'digest' | 'number' | 'truth' | 'bytes' | 'text'

export const PARAMETERS: ReadonlyMap<number, { readonly name: string; readonly kind: ParameterKind }> = new Map([
  [PARAMETER.vendorIdentifier, { name: 'vendor-identifier', kind: 'vendor' }],
  [PARAMETER.classIdentifier, { name: 'class-identifier', kind: 'uuid' }],
  [PARAMETER.imageDigest, { name: 'image-digest', kind: 'digest' }],
  [PARAMETER.componentSlot, { name: 'component-slot', kind: 'number' }],
  [PARAMETER.strictOrder, { name: 'strict-order', kind: 'truth' }],
  [PARAMETER.softFailure, { name: 'soft-failure', kind: 'truth' }],
  [PARAMETER.imageSize, { name: 'image-size', kind: 'number' }],
  [PARAMETER.content, { name: 'content', kind: 'bytes' }],
  [PARAMETER.uri, { name: 'uri', kind: 'text' }],
  [PARAMETER.sourceComponent, { name: 'source-component', kind: 'number' }],
  [PARAMETER.invokeArguments, { name: 'invoke-arguments', kind: 'bytes' }],
  [PARAMETER.deviceIdentifier, { name: 'device-identifier', kind: 'uuid' }],
])

export const TEXT: ReadonlyMap<number, string> = new Map([
  [1, 'manifest-description'],
  [2, 'update-description'],
  [3, 'manifest-json-source'],
  [4, 'manifest-yaml-source'],
])

export const COMPONENT_TEXT: ReadonlyMap<number, string> = new Map([
  [1, 'vendor-name'],
  [2, 'model-name'],
  [3, 'vendor-domain'],
  [4, 'model-info'],
  [5, 'component-description'],
  [6, 'component-version'],
])
