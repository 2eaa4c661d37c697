import { detailOf, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { codes } from './code-words.ts'

/** What refusal codes mean. */
export type Codes = typeof codes

/** Fetches it: none of the first picture needs it. Rejects when it cannot be had. */
export const loadCodes = async (): Promise<Codes> => (await import('./code-words.ts')).codes

/** A refusal as people read it; before its code's words are there, in the words that it brings. */
export const told = (refusal: Refusal, codes: Codes | null): string => codes?.sentence(refusal) ?? detailOf(refusal)
