import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'
import { toBase64Url as base64url, utf8 } from '../../src/core/encoding/bytes.ts'
import { SoftAuthenticator } from '../worlds/soft-authenticator.ts'

const PLACE = { rpId: 'fleet.example', origin: 'https://fleet.example:8443' }
const expected = { expectedOrigin: PLACE.origin, expectedRPID: PLACE.rpId }
const type = 'public-key' as const

// Other tests believe what it says: so a verifier that others wrote judges it.
describe('the authenticator of the tests', () => {
  it('makes passkeys and assertions that a verifier of others accepts, and counts them', async () => {
    const device = new SoftAuthenticator()
    const challenge = utf8('the first challenge, 32 octets..')
    const made = device.create({ ...PLACE, challenge, user: utf8('u') })
    const id = base64url(made.id)
    const [clientDataJSON, attestationObject] = [base64url(made.clientDataJSON), base64url(made.attestationObject)]
    const registered = await verifyRegistrationResponse({
      response: {
        id,
        rawId: id,
        type,
        response: { clientDataJSON, attestationObject },
        clientExtensionResults: {},
      },
      expectedChallenge: base64url(challenge),
      ...expected,
    })
    assert.ok(registered.verified)
    const { credential, fmt, userVerified } = registered.registrationInfo
    assert.deepEqual([fmt, userVerified, credential.id, credential.counter], ['none', true, id, 0])
    assert.deepEqual(credential.publicKey, made.publicKey)
    for (const newCounter of [1, 2]) {
      const next = utf8(`challenge ${newCounter}`)
      const said = device.get({ ...PLACE, challenge: next })
      const response = {
        clientDataJSON: base64url(said.clientDataJSON),
        authenticatorData: base64url(said.authenticatorData),
        signature: base64url(said.signature),
        userHandle: base64url(said.userHandle),
      }
      const answer = { id, rawId: id, type, response, clientExtensionResults: {} }
      const judged = await verifyAuthenticationResponse({
        response: answer,
        expectedChallenge: base64url(next),
        ...expected,
        credential,
      })
      assert.deepEqual([judged.verified, judged.authenticationInfo.newCounter], [true, newCounter])
    }
  })
})
