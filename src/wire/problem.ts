import { type Refusal, refuse, sentence } from '../core/refusal/refusal.ts'
import { isRefusalCode, registry } from '../core/refusal/registry.ts'

/** The body of every refused request (RFC 9457), with the refusal's own fields beside the standard ones. */
export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly subject: string
  readonly expected: string
  readonly actual: string
  readonly clause?: string
}

export const PROBLEM_TYPE = 'application/problem+json'

export function problemOf(refusal: Refusal): Problem {
  const { code, subject, expected, actual, clause } = refusal
  const { status, title } = registry[code]
  const body = {
    type: `urn:voltseal:refusal:${code}`,
    title,
    status,
    detail: sentence(refusal),
    code,
    subject,
    expected,
    actual,
  }
  return clause === undefined ? body : { ...body, clause }
}

/** The refusal that a problem body carries, or null when the body is not one of ours. */
export function refusalOf(body: unknown): Refusal | null {
  if (typeof body !== 'object' || body === null) return null
  const { code, subject, expected, actual, clause } = body as Record<string, unknown>
  if (typeof code !== 'string' || !isRefusalCode(code)) return null
  if (typeof subject !== 'string' || typeof expected !== 'string' || typeof actual !== 'string') return null
  return refuse(code, subject, expected, actual, typeof clause === 'string' ? clause : undefined)
}
