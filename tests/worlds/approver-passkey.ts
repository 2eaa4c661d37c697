import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { toBase64Url } from '../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { challengeFor, writeAssertion } from '../../src/core/trust/assertion.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import type { Signature } from '../../src/core/trust/metadata.ts'
import { type Passkey, passkeyOf } from '../../src/core/trust/passkey.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { signatureBy } from '../../src/core/trust/repository.ts'
import { type Bent, SoftAuthenticator } from './soft-authenticator.ts'

export const RP_ID = 'console.voltworks.example'
export const ORIGIN = `https://${RP_ID}:8443`

/** An approver with an authenticator in software, and the page that asks it: whatever is `bent`, the signature is real. */
export class ApproverPasskey {
  readonly key: Passkey
  readonly #authenticator = new SoftAuthenticator()
  readonly #id: Uint8Array
  readonly #origin: string

  constructor(origin = ORIGIN, rpId = RP_ID) {
    const asked = { rpId, origin, challenge: new Uint8Array(32), user: Uint8Array.of(7) }
    this.#id = this.#authenticator.create(asked).id
    this.#origin = origin
    const spki = this.#authenticator.spki(this.#id)
    const key = passkeyOf({ spki, rpId, origin, credentialId: toBase64Url(this.#id) })
    if (key === null) throw new Error('not a passkey')
    this.key = key
  }

  get keyid(): string {
    return keyId(this.key, nodeCrypto)
  }

  /** An assertion over a message, as it stands among the signatures of a document. */
  assert(message: Uint8Array, bent: Bent & { readonly origin?: string } = {}): Uint8Array {
    const challenge = challengeFor(message, nodeCrypto)
    const asked = { rpId: this.key.rpId, origin: bent.origin ?? this.#origin, challenge, id: this.#id }
    const written = writeAssertion(this.#authenticator.get(asked, bent))
    if (written === null) throw new Error('an assertion that nobody would take')
    return written
  }

  sign(signed: JsonObject, bent: Bent & { readonly origin?: string } = {}): Signature {
    return signatureBy(this.key, this.assert(signableBytes(signed), bent), nodeCrypto)
  }
}
