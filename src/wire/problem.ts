import { type Static, Type } from 'typebox'
import { type Refusal, refuse, sentence } from '../core/refusal/refusal.ts'
import { isRefusalCode, registry } from '../core/refusal/registry.ts'

/** The body of every refused request (RFC 9457), with the refusal's own fields beside the standard ones. */
export const Problem = Type.Object(
  {
    type: Type.String({ pattern: '^urn:voltseal:refusal:[a-z0-9-]+$' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String(),
    code: Type.String(),
    subject: Type.String(),
    expected: Type.String(),
    actual: Type.String(),
    clause: Type.Optional(Type.String()),
  },
  { additionalProperties: false, title: 'Problem' },
)
export type Problem = Static<typeof Problem>

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
