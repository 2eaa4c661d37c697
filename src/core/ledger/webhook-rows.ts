import type { Instant } from '../encoding/units.ts'

/** A subscription, and where it stands. */
export type WebhookRow = {
  readonly id: string
  readonly url: string
  /** The kinds of entries that it hears; none: all. */
  readonly events: readonly string[]
  /** The site that it hears of; null: all. */
  readonly site: string | null
  /** What its messages are signed with. Never shown again. */
  readonly secret: Uint8Array
  readonly by: string
  readonly since: Instant
  /** The index of the first entry that it has not been told. */
  readonly next: number
  /** How often that one has failed, when it is tried again, and how it failed last. */
  readonly failures: number
  readonly due: Instant
  readonly fault: string | null
}

/** A message that was set aside: `again` when a person wants it sent once more. */
export type LetterRow = {
  readonly webhook: string
  readonly index: number
  readonly at: Instant
  readonly fault: string
  readonly again: boolean
}

/** What a decision changes of subscriptions. */
export type WebhookChange = {
  readonly webhooks?: readonly WebhookRow[]
  /** Subscriptions that end, by name. */
  readonly webhooksGone?: readonly string[]
  readonly letters?: readonly LetterRow[]
  /** Messages that were set aside and have been taken since. */
  readonly lettersTaken?: readonly Pick<LetterRow, 'webhook' | 'index'>[]
}
