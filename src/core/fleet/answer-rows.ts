import type { Instant } from '../encoding/units.ts'

/** A request that its sender may repeat: under which key, until when, and a digest that tells it from another one. */
export type Repeatable = {
  readonly person: string
  readonly key: string
  /** SHA-256 over all of the request. */
  readonly fingerprint: Uint8Array
  readonly now: Instant
  readonly expires: Instant
}

/** What such a request was answered. */
export type AnswerRow = Repeatable & { readonly answer: Uint8Array }

/** `done`: it was carried out now. `repeated`: it had been before, and this is what was answered then. */
export type Once = { readonly at: 'done' | 'repeated'; readonly answer: Uint8Array }
