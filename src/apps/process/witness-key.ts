import { writeWhole } from '../../adapters/config-file.ts'
import { generateKeyFile } from '../../adapters/signer-file.ts'
import { isPkcs11Uri } from '../../core/encoding/pkcs11-uri.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Signer } from '../../flows/ports.ts'
import type { OpenSigner } from './signers.ts'

/**
 * The key that cosigns: made in a file, or in a token, and then the file says where. Ed25519; it signs nothing else. Refuses
 * `usage-error`, `witness-key-unsuitable`, what `generateKeyFile` and `openSigner` refuse.
 */
export async function makeWitnessKey(
  file: string,
  option: { readonly name: string; readonly reference: string | undefined },
  openSigner: OpenSigner,
): Promise<Signer | Refusal> {
  const { name, reference } = option
  if (reference === undefined) return generateKeyFile(file, 'ed25519')
  const expected = 'a key in a token: pkcs11:token=…;object=…?module-path=…&pin-source=…'
  if (!isPkcs11Uri(reference)) return refuse('usage-error', name, expected, 'something else')
  const signer = await openSigner(reference)
  if (isRefusal(signer)) return signer
  if (signer.key.alg !== 'ed25519') {
    return refuse('witness-key-unsuitable', reference.split('?')[0] as string, 'an Ed25519 key', signer.key.alg)
  }
  writeWhole(file, `${reference}\n`, 0o600)
  return signer
}
