import { isRefusal } from '../../core/refusal/refusal.ts'
import type { Signer } from '../../flows/ports.ts'
import type { OpenSigner } from '../process/signers.ts'
import type { Output } from './output.ts'

/** The words that everything made with a key in a plain file is labelled with. */
export const DEVELOPMENT_WARNING =
  'DEVELOPMENT KEY: it lives in a plain file, and whoever copies the file can sign as you. Use an HSM in production.'

/** The same for a key in a token that lets it out. */
export const COPYABLE_WARNING =
  'DEVELOPMENT KEY: its token lets it be copied out, and nobody knows how often that was done. Make one that stays in the token.'

/** What an option that takes a private key says of its value. */
export const PRIVATE_KEY = '(a file, or pkcs11:token=…;object=…?module-path=…)'

/** Opens private keys. Whatever is signed with one that can be copied is labelled so. */
export function labelled(open: OpenSigner, output: Output): OpenSigner {
  return async reference => {
    const signer = await open(reference)
    if (isRefusal(signer) || !signer.development) return signer
    const sign: Signer['sign'] = async (message, form) => {
      const signature = await signer.sign(message, form)
      if (!isRefusal(signature)) output.warnOnce(signer.inToken ? COPYABLE_WARNING : DEVELOPMENT_WARNING)
      return signature
    }
    return { key: signer.key, development: true, sign }
  }
}
