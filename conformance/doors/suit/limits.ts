/** What a foreign envelope may ask of this processor, at most. Beyond is a refusal, never a slow answer. */
export const LIMITS = {
  /** The whole envelope with its integrated payloads. */
  envelopeBytes: 1024 * 1024,
  manifestBytes: 64 * 1024,
  blocks: 8,
  payloads: 16,
  components: 16,
  /** Parts of a component's identifier, and bytes in each. */
  segments: 8,
  segmentBytes: 32,
  /** Commands in the whole manifest, counted once each. */
  commands: 256,
  /** Sequences inside each other. */
  depth: 4,
  /** Commands that are run, once for each component that they apply to. */
  steps: 1024,
  imageBytes: 64 * 1024 * 1024,
  /** Bytes that are hashed, compared and written while the manifest runs. */
  workBytes: 256 * 1024 * 1024,
} as const
