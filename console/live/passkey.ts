import { fromBase64Url, toBase64Url } from '../../src/core/encoding/bytes.ts'
import { change } from './change.ts'
import type { Fault } from './fault.ts'

/** Passkeys in the browser (WebAuthn Level 3): the authenticator is asked here, and judged by the server alone. */

/** POST /v1/sign-in/challenges, as it answers for a passkey. */
type Challenge = { readonly challenge: string; readonly rpId: string; readonly timeoutMillis: number }

/** POST /v1/passkeys/challenges. */
type Wanted = Challenge & {
  readonly user: string
  readonly account: string
  readonly name: string
  readonly known: readonly string[]
  readonly algorithms: readonly number[]
}

/** Whether this browser has passkeys at all. Over plain HTTP, and on old ones, it has none. */
export const hasPasskeys = (): boolean => 'PublicKeyCredential' in globalThis && 'credentials' in navigator

const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(fromBase64Url(text) ?? [])
const text = (buffer: ArrayBuffer | null): string => (buffer === null ? '' : toBase64Url(new Uint8Array(buffer)))

/** What came of it; null: its person, or the browser, gave it up, and why is nobody's to know. */
type Done<T> = { readonly done: T } | { readonly fault: Fault } | null

/** Signs in with a passkey: the authenticator shows which accounts it has keys of. */
export async function signInByPasskey(): Promise<Done<{ readonly account: string }>> {
  const asked = await change<Challenge>('/v1/sign-in/challenges', { provider: 'passkey' }, { once: true })
  if ('fault' in asked) return asked
  const { challenge, rpId, timeoutMillis } = asked.done
  const publicKey = { challenge: bytes(challenge), rpId, timeout: timeoutMillis, userVerification: 'required' } as const
  const credential = await unlessGivenUp(navigator.credentials.get({ publicKey }))
  if (!(credential instanceof PublicKeyCredential)) return null
  const { response } = credential
  if (!(response instanceof AuthenticatorAssertionResponse)) return null
  const proof = {
    at: 'passkey',
    challenge,
    credential: text(credential.rawId),
    clientDataJSON: text(response.clientDataJSON),
    authenticatorData: text(response.authenticatorData),
    signature: text(response.signature),
    userHandle: text(response.userHandle),
  }
  return change('/v1/sign-in', { provider: 'passkey', cookie: true, proof }, { once: true })
}

/** Adds a passkey to the account that is signed in. */
export async function addPasskey(label: string): Promise<Done<{ readonly id: string }>> {
  const asked = await change<Wanted>('/v1/passkeys/challenges', {}, { once: true })
  if ('fault' in asked) return asked
  const { challenge, rpId, user, account, name, known, algorithms, timeoutMillis } = asked.done
  const type = 'public-key'
  const credential = await unlessGivenUp(
    navigator.credentials.create({
      publicKey: {
        challenge: bytes(challenge),
        rp: { id: rpId, name: 'Voltseal' },
        user: { id: bytes(user), name: account, displayName: name },
        pubKeyCredParams: algorithms.map(alg => ({ type, alg })),
        excludeCredentials: known.map(id => ({ type, id: bytes(id) })),
        authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        attestation: 'none',
        timeout: timeoutMillis,
      },
    }),
  )
  if (!(credential instanceof PublicKeyCredential)) return null
  const { response } = credential
  if (!(response instanceof AuthenticatorAttestationResponse)) return null
  const answer = {
    challenge,
    label,
    credential: text(credential.rawId),
    clientDataJSON: text(response.clientDataJSON),
    attestationObject: text(response.attestationObject),
  }
  return change('/v1/passkeys', answer, { once: true })
}

/** A browser says by an error that its person did not want to, took too long, or has this key already. */
async function unlessGivenUp(asked: Promise<Credential | null>): Promise<Credential | null> {
  try {
    return await asked
  } catch {
    return null
  }
}
