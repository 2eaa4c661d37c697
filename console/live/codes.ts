import type { codes } from './code-words.ts'

/** What refusal codes mean. */
export type Codes = typeof codes

/** Fetches it: none of the first picture needs it. Rejects when it cannot be had. */
export const loadCodes = async (): Promise<Codes> => (await import('./code-words.ts')).codes
