import type { LetterRow, WebhookRow } from '../core/ledger/webhook-rows.ts'
import type { Refusal } from '../core/refusal/refusal.ts'

/** What the flows need of the world to tell subscribers outside. A file of ports (see ports.ts), by its subject. */

export interface WebhookStore {
  webhook(id: string): Promise<WebhookRow | null>
  /** In order of their names. */
  webhooks(): Promise<WebhookRow[]>
  letter(webhook: string, index: number): Promise<LetterRow | null>
  /** At most `limit` behind an index, in order. */
  letters(webhook: string, behind: number | null, limit: number): Promise<LetterRow[]>
  countLetters(webhook: string): Promise<number>
}

/** The way to receivers, which are anybody's: nothing that they answer is believed, and little of it is read. */
export interface HookLink {
  /**
   * Judges the address that stands in a URL. Of a name nothing is known before it is looked up, at each call. Refuses
   * `webhook-address-refused`.
   */
  refuses(url: string): null | Refusal
  /**
   * Posts a message; answers the status. Refuses `webhook-address-refused` before a byte is sent, `not-reachable`,
   * `tls-refused`, `answer-too-slow`.
   */
  post(url: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<number | Refusal>
}
