import { fromBase64Url, toHex } from '../../src/core/encoding/bytes.ts'
import { writeAssertion } from '../../src/core/trust/assertion.ts'
import type { DraftView } from '../../src/wire/fleet-views.ts'
import type { WaitingPlan } from '../../src/wire/plan-views.ts'
import { browserCrypto } from '../crypto-browser.ts'
import { askedOf } from '../picture/passkey-draft.ts'
import { ask, isFault } from './ask.ts'
import { change } from './change.ts'

/** What the server answers to a signature: how many count, and whether the plan is approved by it. */
export type Signed = { readonly need: number; readonly have: number; readonly approved: boolean }

const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(fromBase64Url(text) ?? [])

/**
 * Signs a plan with a passkey: the authenticator verifies its person and signs the draft of the approvals, and the server and every gateway
 * verify that. Answers what it came to, or why not; null: its person gave it up.
 */
export async function approveByPasskey(
  plan: Pick<WaitingPlan, 'id' | 'digest'>,
  reason: string,
): Promise<Signed | string | null> {
  const at = `/v1/campaigns/${encodeURIComponent(plan.id)}`
  const draft = await ask<DraftView>(`${at}/draft`)
  if (isFault(draft)) return draft.fault.detail
  const asked = askedOf(draft.value, plan, browserCrypto)
  if (typeof asked === 'string') return asked
  const { challenge, rpId, credentialId, keyid } = asked
  const allowCredentials = [{ type: 'public-key', id: bytes(credentialId) }] as const
  const publicKey = { challenge: bytes(challenge), rpId, allowCredentials: [...allowCredentials] }
  let credential: Credential | null
  try {
    credential = await navigator.credentials.get({ publicKey: { ...publicKey, userVerification: 'required' } })
  } catch {
    // Who waited too long, and who said no, cannot be told apart.
    return null
  }
  if (!(credential instanceof PublicKeyCredential)) return null
  const { response } = credential
  if (!(response instanceof AuthenticatorAssertionResponse)) return null
  const assertion = writeAssertion({
    authenticatorData: new Uint8Array(response.authenticatorData),
    clientDataJSON: new Uint8Array(response.clientDataJSON),
    signature: new Uint8Array(response.signature),
  })
  if (assertion === null) return 'The authenticator answered something that no verifier takes.'
  const said = reason.trim() === '' ? {} : { reason: reason.trim() }
  const sent = await change<Signed>(`${at}/approvals`, { keyid, sig: toHex(assertion), ...said })
  return 'fault' in sent ? sent.fault.detail : sent.done
}
