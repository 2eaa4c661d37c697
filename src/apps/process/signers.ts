import { readText } from '../../adapters/config-file.ts'
import { loadSigner } from '../../adapters/signer-file.ts'
import type { AskPin } from '../../adapters/signer-pkcs11/pin.ts'
import { openTokenSigner, type TokenSigner } from '../../adapters/signer-pkcs11/signer.ts'
import type { TokenAccess } from '../../adapters/signer-pkcs11/token.ts'
import { sameBytes } from '../../core/encoding/bytes.ts'
import type { Crypto, PublicKey, SignatureForm } from '../../core/encoding/crypto.ts'
import { isPkcs11Uri, type Pkcs11Uri, parsePkcs11Uri, shownUri } from '../../core/encoding/pkcs11-uri.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Signer } from '../../flows/ports.ts'

/** Does something with keys of this machine that nobody is asked a PIN for, and lets go of them. */
export async function withSigners<T>(crypto: Crypto, work: (signers: Signers) => Promise<T>): Promise<T> {
  const signers = new Signers(crypto, { askPin: nobodyThere })
  try {
    return await work(signers)
  } finally {
    signers.close()
  }
}

/** Opens a private key by what people call it: the path of a file, or an RFC 7512 reference to a key in a token. */
export type OpenSigner = (reference: string) => Promise<OpenedSigner | Refusal>
export type OpenedSigner = Signer & { readonly inToken?: true }

/** The private keys that one run of a program has opened. */
export class Signers {
  readonly #crypto: Crypto
  readonly #access: TokenAccess
  readonly #inTokens: TokenKey[] = []

  constructor(crypto: Crypto, access: TokenAccess) {
    this.#crypto = crypto
    this.#access = access
  }

  /**
   * Opens one. A file may hold a reference to a key in a token in place of a key. What a token signs is verified before it
   * is handed out. Refuses what `loadSigner`, `parsePkcs11Uri` and `openTokenSigner` refuse; signing
   * refuses `signer-faulty` and what the signer refuses.
   */
  readonly open: OpenSigner = async named => {
    const reference = isPkcs11Uri(named) ? named : referenceIn(named)
    if (reference === null) return loadSigner(named)
    const uri = parsePkcs11Uri(reference)
    if (isRefusal(uri)) return uri
    const signer = await openTokenSigner(uri, this.#access)
    if (isRefusal(signer)) return signer
    const key = new TokenKey(uri, this.#access, signer, () => this.#letGo(uri.modulePath))
    this.#inTokens.push(key)
    return proven(key, shownUri(uri), this.#crypto)
  }

  /** Logs out of every token. */
  close(): void {
    for (const key of this.#inTokens.splice(0)) key.letGo()
  }

  /** A module finds a token that came back when nobody uses the module any more: the next signature opens it anew. */
  #letGo(modulePath: string): void {
    for (const key of this.#inTokens) if (key.uri.modulePath === modulePath) key.letGo()
  }
}

/** A key in a token for as long as the program runs: when the token has gone, the next signature looks for it again. */
class TokenKey implements Signer {
  readonly uri: Pkcs11Uri
  readonly key: PublicKey
  readonly development: boolean
  readonly #access: TokenAccess
  readonly #gone: () => void
  #open: TokenSigner | null

  constructor(uri: Pkcs11Uri, access: TokenAccess, open: TokenSigner, gone: () => void) {
    this.uri = uri
    this.key = open.key
    this.development = open.development
    this.#access = access
    this.#gone = gone
    this.#open = open
  }

  async sign(message: Uint8Array, form: SignatureForm): Promise<Uint8Array | Refusal> {
    const open = this.#open ?? (await openTokenSigner(this.uri, this.#access))
    if (isRefusal(open)) return open
    this.#open = open
    if (!sameBytes(open.key.spki, this.key.spki)) {
      // Another token was put in, with a key of the same name: what it signs would be somebody else's signature.
      this.#gone()
      return refuse('token-removed', shownUri(this.uri), 'the key that was opened first', 'another one of its name')
    }
    const signature = await open.sign(message, form)
    if (isRefusal(signature) && signature.code === 'token-removed') this.#gone()
    return signature
  }

  letGo(): void {
    this.#open?.close()
    this.#open = null
  }
}

/** The reference that a file holds alone, in one line; null for every other file. */
function referenceIn(path: string): string | null {
  const text = readText(path, 8192)
  return typeof text === 'string' && isPkcs11Uri(text) ? text.trim() : null
}

/** A program that nobody sits at. */
export const nobodyThere: AskPin = async () => null

/**
 * A signer whose every signature is verified with its own public key before anybody sees it. A faulty token is found
 * where it is, and not by the devices of a fleet; and a public key that somebody put beside a private key which it does
 * not belong to is found at the first signature.
 */
function proven(signer: Signer, subject: string, crypto: Crypto): OpenedSigner {
  return {
    inToken: true,
    key: signer.key,
    development: signer.development,
    sign: async (message: Uint8Array, form: SignatureForm) => {
      const signature = await signer.sign(message, form)
      if (isRefusal(signature) || crypto.verify(signer.key, message, signature, form)) return signature
      return refuse('signer-faulty', subject, 'a signature that its public key verifies', 'one that it does not')
    },
  }
}
