import { loadSigner } from '../../adapters/signer-file.ts'
import type { AskPin } from '../../adapters/signer-pkcs11/pin.ts'
import { openTokenSigner, type TokenSigner } from '../../adapters/signer-pkcs11/signer.ts'
import type { TokenAccess } from '../../adapters/signer-pkcs11/token.ts'
import type { Crypto, SignatureForm } from '../../core/encoding/crypto.ts'
import { isPkcs11Uri, parsePkcs11Uri } from '../../core/encoding/pkcs11-uri.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Signer } from '../../flows/ports.ts'

/** Opens a private key by what people call it: the path of a file, or an RFC 7512 reference to a key in a token. */
export type OpenSigner = (reference: string) => Promise<Signer | Refusal>

/** The private keys that one run of a program has opened. */
export class Signers {
  readonly #crypto: Crypto
  readonly #access: TokenAccess
  readonly #open: TokenSigner[] = []

  constructor(crypto: Crypto, access: TokenAccess) {
    this.#crypto = crypto
    this.#access = access
  }

  /**
   * Opens one. What it signs is verified before it is handed out, whatever it lives in. Refuses what `loadSigner`,
   * `parsePkcs11Uri` and `openTokenSigner` refuse; signing refuses `signer-faulty` and what the signer refuses.
   */
  readonly open: OpenSigner = async reference => {
    if (!isPkcs11Uri(reference)) {
      const signer = loadSigner(reference)
      return isRefusal(signer) ? signer : proven(signer, reference, this.#crypto)
    }
    const uri = parsePkcs11Uri(reference)
    if (isRefusal(uri)) return uri
    const signer = await openTokenSigner(uri, this.#access)
    if (isRefusal(signer)) return signer
    this.#open.push(signer)
    return proven(signer, reference.split('?')[0] as string, this.#crypto)
  }

  /** Logs out of every token. */
  close(): void {
    for (const signer of this.#open.splice(0)) signer.close()
  }
}

/** A program that nobody sits at. */
export const nobodyThere: AskPin = async () => null

/**
 * A signer whose every signature is verified with its own public key before anybody sees it. A faulty token is found
 * where it is, and not by the devices of a fleet; and a public key that somebody put beside a private key which it does
 * not belong to is found at the first signature.
 */
function proven(signer: Signer, subject: string, crypto: Crypto): Signer {
  return {
    key: signer.key,
    development: signer.development,
    sign: async (message: Uint8Array, form: SignatureForm) => {
      const signature = await signer.sign(message, form)
      if (isRefusal(signature) || crypto.verify(signer.key, message, signature, form)) return signature
      return refuse('signer-faulty', subject, 'a signature that its public key verifies', 'one that it does not')
    },
  }
}
