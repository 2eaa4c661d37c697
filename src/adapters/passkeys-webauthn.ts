import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'
import { fromBase64Url, toBase64Url } from '../core/encoding/bytes.ts'
import { JsonFault } from '../core/encoding/canonical-json.ts'
import { readJson } from '../core/encoding/strict-json.ts'
import type { Ceremony, PasskeyJudge } from '../flows/people-ports.ts'

/** What an authenticator may sign with (COSE algorithms): ES256, EdDSA, and RS256 for those of Windows. */
export const ALGORITHMS: readonly number[] = [-7, -8, -257]

const type = 'public-key'
/** A browser writes a few hundred bytes. */
const MAX_CLIENT_DATA = 4096

/**
 * Judges passkeys with @simplewebauthn/server: challenge, origin, RP id, type, that the user was there and was verified, and the
 * signature. Attestation is asked of nobody: whose make an authenticator is decides nothing here.
 */
export const webauthnJudge: PasskeyJudge = {
  made: async ({ credential: id, clientDataJSON, attestationObject }, ceremony) => {
    if (isFramed(clientDataJSON)) return null
    const response = { clientDataJSON, attestationObject }
    const judged = await unlessThrown(
      verifyRegistrationResponse({
        response: { id, rawId: id, type, response, clientExtensionResults: {} },
        ...expected(ceremony),
        requireUserVerification: true,
        supportedAlgorithmIDs: [...ALGORITHMS],
      }),
    )
    if (judged?.verified !== true) return null
    const { credential, credentialBackedUp: synced } = judged.registrationInfo
    // The name that the page sent, and the one that the authenticator wrote.
    if (credential.id !== id) return null
    return { publicKey: toBase64Url(credential.publicKey), counter: credential.counter, synced }
  },
  signed: async ({ credential: id, clientDataJSON, authenticatorData, signature }, ceremony, publicKey) => {
    const key = fromBase64Url(publicKey)
    if (key === null || isFramed(clientDataJSON)) return null
    const response = { clientDataJSON, authenticatorData, signature }
    const judged = await unlessThrown(
      verifyAuthenticationResponse({
        response: { id, rawId: id, type, response, clientExtensionResults: {} },
        ...expected(ceremony),
        requireUserVerification: true,
        // The counter is judged by the fleet itself (core/fleet/passkey.ts): any is forward of nothing.
        credential: { id, publicKey: new Uint8Array(key), counter: 0 },
      }),
    )
    if (judged?.verified !== true) return null
    const { newCounter: counter, credentialBackedUp: synced } = judged.authenticationInfo
    return { counter, synced }
  },
}

const expected = ({ challenge, origin, rpId }: Ceremony) => ({
  expectedChallenge: challenge,
  expectedOrigin: origin,
  expectedRPID: rpId,
})

/** Whether it was made in a frame of another page (§7.2 step 11): the console is in none. */
function isFramed(clientDataJSON: string): boolean {
  const bytes = fromBase64Url(clientDataJSON)
  const said = bytes === null ? null : readJson(bytes, MAX_CLIENT_DATA)
  if (said === null || said instanceof JsonFault || typeof said !== 'object' || Array.isArray(said)) return true
  return (said as { crossOrigin?: unknown }).crossOrigin === true
}

/** The library throws for what does not hold, and for what it cannot read; here both are no. */
async function unlessThrown<T>(judged: Promise<T>): Promise<T | null> {
  try {
    return await judged
  } catch {
    return null
  }
}
