import { toBase64Url } from '../../src/core/encoding/bytes.ts'
import type { Json, JsonObject } from '../../src/core/encoding/canonical-json.ts'
import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { challengeFor } from '../../src/core/trust/assertion.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import type { DraftView } from '../../src/wire/fleet-views.ts'
import type { WaitingPlan } from '../../src/wire/plan-views.ts'

/** A passkey that can sign, and what it is asked to sign. */
export type Asked = DraftView['passkeys'][number]

/**
 * What the authenticator is to be asked for, of a draft as the server answers it: null and why not, where the draft pins another plan than
 * the one that is read on this page, or another challenge than that of the draft. The server serves the page too: this holds the page to
 * what it shows, and takes nothing from the rule that passkeys never approve alone.
 */
export function askedOf(draft: DraftView, plan: Pick<WaitingPlan, 'id' | 'digest'>, crypto: Crypto): Asked | string {
  const [asked] = draft.passkeys
  if (asked === undefined) return 'None of your passkeys is among the approvers’ keys.'
  if (digestIn(draft.signed, plan.id) !== plan.digest) {
    return 'The draft pins another plan than the one on this page: read it anew.'
  }
  const challenge = toBase64Url(challengeFor(signableBytes(draft.signed as JsonObject), crypto))
  return challenge === asked.challenge ? asked : 'The challenge is not that of the draft: nothing is signed.'
}

/** The SHA-256 that the draft of the approvals pins for a plan; null: none. */
function digestIn(signed: DraftView['signed'], id: string): string | null {
  const at = (value: unknown, name: string): unknown =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? (value as Record<string, Json>)[name]
      : undefined
  const target = at(at(signed, 'targets'), `campaigns/${id}.json`)
  const digest = at(at(target, 'hashes'), 'sha256')
  return typeof digest === 'string' ? digest : null
}
