import { type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { CKR } from './constants.ts'

/** What a module answered when it did not do what it was asked: a return value of PKCS #11 3.1 §5.1, with its name. */
export type ReturnValue = { readonly name: string; readonly code: number }

/** The return value in an error of the module, or null for an error of another kind. */
export function rvOf(error: unknown): ReturnValue | null {
  const { message = '', code, stack = '' } = Object(error) as { message?: string; code?: unknown; stack?: string }
  const [, name = 'CKR', digits] = /(CKR_\w+)(?::(\d+))?/.exec(message) ?? /(CKR_\w+):(\d+)/.exec(stack) ?? []
  if (typeof code === 'number') return { name, code }
  return digits === undefined ? null : { name, code: Number(digits) }
}

/** The answers of a module whose token has gone, with the sessions, the keys and the login that were in it. */
const GONE: readonly number[] = [
  CKR.deviceError,
  CKR.deviceRemoved,
  CKR.keyHandleInvalid,
  CKR.objectHandleInvalid,
  CKR.sessionClosed,
  CKR.sessionHandleInvalid,
  CKR.tokenNotPresent,
  CKR.tokenNotRecognized,
  CKR.userNotLoggedIn,
]

/** An error of a module as a refusal: `token-removed`, or `token-failed`. Throws what is no answer of the module: a bug. */
export function tokenFault(error: unknown, subject: string): Refusal {
  const rv = rvOf(error)
  if (rv === null) throw error
  if (GONE.includes(rv.code)) return refuse('token-removed', subject, 'the token that was opened', rv.name)
  return refuse('token-failed', subject, 'CKR_OK', `${rv.name} (0x${rv.code.toString(16)})`)
}
