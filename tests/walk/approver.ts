import { writeFileSync } from 'node:fs'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { fromBase64Url, toHex } from '../../src/core/encoding/bytes.ts'
import { writeAssertion } from '../../src/core/trust/assertion.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import { type Passkey, passkeyOf, writePasskey } from '../../src/core/trust/passkey.ts'
import type { DraftView } from '../../src/wire/fleet-views.ts'
import type { Seat } from './chromium.ts'

/** What a page does with the browser’s own WebAuthn: bytes go in and out in base64url. */
const WEB_AUTHN = `
  const bytes = text => Uint8Array.fromBase64(text, { alphabet: 'base64url' })
  const text = buffer => new Uint8Array(buffer).toBase64({ alphabet: 'base64url', omitPadding: true })`

/** An approver's passkey: made by the browser's authenticator on a page of the console, and used there. */
export class Approver {
  readonly key: Passkey
  readonly #seat: Seat

  private constructor(seat: Seat, key: Passkey) {
    this.#seat = seat
    this.key = key
  }

  /** Has the authenticator of this browser make a key for the console's origin. */
  static async make(seat: Seat, account: string): Promise<Approver> {
    const made = (await seat.page.evaluate(`(async () => {
      ${WEB_AUTHN}
      const user = { id: new TextEncoder().encode('${account}'), name: '${account}', displayName: '${account}' }
      const made = await navigator.credentials.create({ publicKey: {
        rp: { id: location.hostname, name: 'Voltseal' }, user,
        challenge: crypto.getRandomValues(new Uint8Array(32)),
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      } })
      return { credentialId: made.id, spki: text(made.response.getPublicKey()) }
    })()`)) as { credentialId: string; spki: string }
    const { hostname } = new URL(seat.origin)
    const spki = fromBase64Url(made.spki)
    const key =
      spki === null ? null : passkeyOf({ spki, rpId: hostname, origin: seat.origin, credentialId: made.credentialId })
    if (key === null) throw new Error('the browser made a key that no root takes')
    return new Approver(seat, key)
  }

  /** Writes the public part, as the ceremony takes it in. */
  handOut(file: string): void {
    writeFileSync(file, writePasskey(this.key))
  }

  /** Signs a plan that waits with the authenticator, and hands the signature in: in the browser, by its own session. Answers the status. */
  async approve(campaign: string): Promise<number> {
    const { page } = this.#seat
    const path = `/v1/campaigns/${campaign}`
    const draft = (await page.evaluate(`fetch('${path}/draft').then(answer => answer.json())`)) as DraftView
    const own = draft.passkeys.find(({ credentialId }) => credentialId === this.key.credentialId)
    if (own === undefined) throw new Error('the draft names no passkey of this approver')
    const said = (await page.evaluate(`(async () => {
      ${WEB_AUTHN}
      const { challenge, rpId, credentialId } = ${JSON.stringify(own)}
      const { response } = await navigator.credentials.get({ publicKey: {
        challenge: bytes(challenge), rpId, userVerification: 'required',
        allowCredentials: [{ type: 'public-key', id: bytes(credentialId) }],
      } })
      return [response.authenticatorData, response.clientDataJSON, response.signature].map(text)
    })()`)) as string[]
    const [authenticatorData, clientDataJSON, signature] = said.map(one => fromBase64Url(one))
    if (!authenticatorData || !clientDataJSON || !signature) throw new Error('the browser answered no assertion')
    const sig = writeAssertion({ authenticatorData, clientDataJSON, signature })
    if (sig === null) throw new Error('the browser made an assertion that nobody takes')
    const body = { keyid: keyId(this.key, nodeCrypto), sig: toHex(sig) }
    const headers = { 'content-type': 'application/json', 'x-voltseal-request': '1' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    return (await page.evaluate(
      `fetch('${path}/approvals', ${JSON.stringify(init)}).then(({ status }) => status)`,
    )) as number
  }
}
