import type { RefusalCode } from './registry.ts'
import { sentence } from './sentence.ts'

export { sentence }

/**
 * An expected failure, as a value. `subject` is what was judged (a file, a controller, a role), `expected` and `actual`
 * are short phrases that complete the sentence of the code; `clause` names the rule or the standard's section, when
 * there is one. Never holds a secret.
 */
export type Refusal = {
  readonly refused: true
  readonly code: RefusalCode
  readonly subject: string
  readonly expected: string
  readonly actual: string
  readonly clause?: string
}

/** Makes a refusal. The same five words everywhere: code, subject, expected, actual, clause. */
export function refuse(code: RefusalCode, subject: string, expected: string, actual: string, clause?: string): Refusal {
  return clause === undefined
    ? { refused: true, code, subject, expected, actual }
    : { refused: true, code, subject, expected, actual, clause }
}

/** Tells a refusal from a result. A result type never carries a `refused` field of its own. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && (value as { refused?: unknown }).refused === true
}

/** One line for a log or a report: what was judged, expected and found; the code stands beside it. */
export const detailOf = ({ subject, expected, actual }: Refusal): string =>
  `${subject}: expected ${expected}; got ${actual}`

/** A refusal where no value can travel (a stream, a callback): thrown at the edge, caught at the next edge. */
export class RefusalError extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(sentence(refusal))
    this.name = 'RefusalError'
    this.refusal = refusal
  }
}

/** Unwraps a result, or throws its refusal for the edge to catch. Only for callers that have no better path. */
export function orThrow<T>(value: T | Refusal): T {
  if (isRefusal(value)) throw new RefusalError(value)
  return value
}
