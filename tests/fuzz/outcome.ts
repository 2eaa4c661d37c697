import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'

/** The word for what was read. */
export const TAKEN = 'taken'

/** Every signature holds: what lies behind the check of one is reached then. What it is about is not in question here. */
export const trusting: Crypto = { ...nodeCrypto, verify: () => true }

/** A law that a reader broke: what it took does not come back as it was. */
export class Broken extends Error {}

export function hold(law: boolean, text: string): void {
  if (!law) throw new Broken(text)
}

/** What came of a reading, in a word: for a refusal its code and what it expected, without what differs each time. */
export function outcomeOf(answer: unknown): string {
  if (isRefusal(answer)) return `${answer.code}: ${plain(answer.expected)}`
  if (answer instanceof Error) return plain(answer.message)
  return TAKEN
}

const plain = (text: string): string =>
  text
    .replaceAll(/"(?:[^"\\]|\\.)*"?/g, '"…"')
    .replaceAll(/[0-9a-f]{8,}/g, '…')
    .replaceAll(/\d+/g, '#')
    .slice(0, 60)
