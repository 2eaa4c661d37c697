import { type OpenSign1, readOpenSign1, sigStructure } from '../../../src/core/encoding/cose.ts'
import type { Crypto, PublicKey } from '../../../src/core/encoding/crypto.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import { isNamed, type Outer } from './envelope.ts'
import { isRefused, type Refused } from './refusal.ts'

/** A key that is trusted, and what people call it (its file). */
export type NamedKey = { readonly name: string; readonly key: PublicKey }

const SUBJECT = 'envelope'

/** The authentication blocks, each read. Refuses what `readOpenSign1` refuses, for the first that is not as it must be. */
export function readBlocks({ blocks }: Outer): readonly OpenSign1[] | Refused {
  const out: OpenSign1[] = []
  for (const [index, block] of blocks.entries()) {
    const signature = readOpenSign1(block, `${SUBJECT}, signature ${index + 1}`)
    if (isRefused(signature)) return signature
    out.push(signature)
  }
  return out
}

/**
 * Verifies that the wrapper names this manifest, and that at least `threshold` different keys of `keys` signed it. The
 * algorithm comes from the key; a key counts once, by its material, whatever it is called and however often it signed; a
 * signature by nobody's key counts for nothing. Other authors often leave the key id out, so each signature is tried
 * with each key of its algorithm: at most 8 times the number of keys. Answers the names of the keys that signed.
 *
 * Refuses `envelope-digest-mismatch`, `suit-digest-unknown`, `envelope-unsigned`, the codes of `readOpenSign1`,
 * `envelope-signers-unknown` (no signature is of an algorithm of these keys), `envelope-signature-invalid` and
 * `envelope-below-threshold`.
 */
export function verifyOuter(
  outer: Outer,
  keys: readonly NamedKey[],
  threshold: number,
  crypto: Crypto,
): readonly string[] | Refused {
  const other = isNamed(outer.manifest, outer.digest, SUBJECT, 'envelope-digest-mismatch', crypto)
  if (other !== null) return other
  if (outer.blocks.length === 0) return refuse('envelope-unsigned', SUBJECT, 'a signature', 'none')
  const signatures = readBlocks(outer)
  if (isRefused(signatures)) return signatures
  const held = new Map<string, string>()
  let tried = 0
  for (const signature of signatures) {
    const message = sigStructure(signature.protectedHeader, outer.signed)
    for (const { name, key } of keys) {
      if (key.alg !== signature.alg) continue
      tried += 1
      if (crypto.verify(key, message, signature.signature, 'p1363')) held.set(key.spki.toHex(), name)
    }
  }
  if (held.size >= threshold) return [...held.values()]
  if (tried === 0) {
    const algorithms = signatures.map(({ alg }) => alg).join(', ')
    return refuse('envelope-signers-unknown', SUBJECT, 'a signature by a key that is trusted here', algorithms)
  }
  if (held.size === 0) {
    return refuse('envelope-signature-invalid', SUBJECT, 'a signature by one of the keys', 'none that holds')
  }
  return refuse('envelope-below-threshold', SUBJECT, `${threshold} different trusted keys`, String(held.size))
}
