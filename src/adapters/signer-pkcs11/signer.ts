import { createHash } from 'node:crypto'
import type { KeyAlgorithm, PublicKey, SignatureForm } from '../../core/encoding/crypto.ts'
import { P256_WIDTH, P384_WIDTH, p1363ToDer } from '../../core/encoding/ecdsa-form.ts'
import { type Pkcs11Uri, shownUri } from '../../core/encoding/pkcs11-uri.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Signer } from '../../flows/ports.ts'
import { DIGEST } from '../openssl.ts'
import { CKM, CKU, MGF1_SHA256, PSS_PARAMETERS } from './constants.ts'
import { rvOf, tokenFault } from './fault.ts'
import type { Mechanism } from './library.ts'
import { findPrivateKey, type PrivateKeyObject, publicKeyOf } from './objects.ts'
import { type OpenToken, openToken, type TokenAccess, WRONG_PIN } from './token.ts'

/** A key in a token, opened. `close` ends the session; nothing is signed after it. */
export type TokenSigner = Signer & { close(): void }

/** How an algorithm is asked of a token. Hashing is done here: what goes to the token is small, whatever is signed. */
const MECHANISMS: Partial<Record<KeyAlgorithm, Mechanism>> = {
  'ecdsa-p256': { mechanism: CKM.ecdsa },
  'ecdsa-p384': { mechanism: CKM.ecdsa },
  ed25519: { mechanism: CKM.eddsa },
  'rsa-pss': {
    mechanism: CKM.rsaPss,
    parameter: { type: PSS_PARAMETERS, hashAlg: CKM.sha256, mgf: MGF1_SHA256, saltLen: 32 },
  },
}

/** Bytes of an ECDSA signature as a token gives it: r then s. */
const ECDSA_BYTES: Partial<Record<KeyAlgorithm, number>> = {
  'ecdsa-p256': 2 * P256_WIDTH,
  'ecdsa-p384': 2 * P384_WIDTH,
}

/** Room for the largest signature: RSA of 8192 bits. */
const MAX_SIGNATURE = 1024

/**
 * Opens a private key in a token by its RFC 7512 reference and logs in. A key that can leave its token, in the clear or
 * wrapped under another key, is opened as a development key: nobody knows how many copies there are.
 *
 * Refuses what `openToken` refuses, `token-key-missing`, `token-key-ambiguous`, `token-key-not-for-signing`,
 * `token-public-key-missing`, `key-algorithm-unsupported`. Signing refuses `token-removed`, `token-failed`,
 * `signer-faulty`, and of keys that want the PIN each time `token-pin-needed` and `token-pin-wrong`.
 */
export async function openTokenSigner(uri: Pkcs11Uri, access: TokenAccess): Promise<TokenSigner | Refusal> {
  const token = await openToken(uri, access)
  if (isRefusal(token)) return token
  try {
    const key = findPrivateKey(token, uri)
    const half = isRefusal(key) ? key : publicKeyOf(token, key)
    if (!isRefusal(key) && !isRefusal(half)) return new Pkcs11Signer(token, key, half)
    token.close()
    return half as Refusal
  } catch (error) {
    token.close()
    return tokenFault(error, shownUri(uri))
  }
}

class Pkcs11Signer implements TokenSigner {
  readonly key: PublicKey
  readonly development: boolean
  readonly #token: OpenToken
  readonly #handle: PrivateKeyObject

  constructor(token: OpenToken, handle: PrivateKeyObject, key: PublicKey) {
    this.key = key
    this.development = !handle.stays
    this.#token = token
    this.#handle = handle
  }

  async sign(message: Uint8Array, form: SignatureForm): Promise<Uint8Array | Refusal> {
    const { library, session, slot, shown, pinAgain } = this.#token
    const { alg } = this.key
    const digest = DIGEST[alg]
    const input = digest === null ? Buffer.from(message) : createHash(digest).update(message).digest()
    try {
      // A module may answer anything, or even go on from its memory, when the token has gone: the slot is asked first.
      library.C_GetTokenInfo(slot)
    } catch (error) {
      return refuse('token-removed', shown, 'the token that was opened', rvOf(error)?.name ?? String(error))
    }
    // Asked for first: between the calls below there is no waiting, so that no other signature comes between them.
    const pin = this.#handle.alwaysAuthenticate ? await pinAgain() : ''
    if (pin === null) return refuse('token-pin-needed', shown, 'the PIN for each signature', 'none')
    try {
      library.C_SignInit(session, MECHANISMS[alg] as Mechanism, this.#handle.handle)
      if (this.#handle.alwaysAuthenticate) library.C_Login(session, CKU.contextSpecific, pin)
      const raw = new Uint8Array(library.C_Sign(session, input, Buffer.alloc(MAX_SIGNATURE)))
      const bytes = ECDSA_BYTES[alg]
      if (bytes === undefined) return raw
      if (raw.length !== bytes) return refuse('signer-faulty', shown, `a signature of ${bytes} bytes`, `${raw.length}`)
      return form === 'der' ? p1363ToDer(raw) : raw
    } catch (error) {
      if (WRONG_PIN.includes(rvOf(error)?.code ?? -1)) {
        return refuse('token-pin-wrong', shown, 'the PIN of the token, for this signature', 'another one')
      }
      return tokenFault(error, shown)
    }
  }

  close(): void {
    this.#token.close()
  }
}
