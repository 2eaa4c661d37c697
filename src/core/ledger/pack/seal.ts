import { toHex } from '../../encoding/bytes.ts'
import type { Crypto } from '../../encoding/crypto.ts'
import type { Instant } from '../../encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../../refusal/refusal.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { type Actor, parseEntry } from '../entry.ts'
import { checkProof, type TlogProof } from '../tlog-proof.ts'
import { MANIFEST, SEAL } from './layout.ts'

/** The entry of the log that seals a pack: where it is, when it was made and by whom. */
export type Seal = { readonly index: number; readonly at: Instant; readonly by: Actor }

/**
 * Whether a proof leads to an entry that seals a statement. Refuses `pack-event-forged` when the entry is not the log's, `pack-manifest-changed`
 * when it seals something else, and what `parseEntry` refuses.
 */
export function openSeal(
  crypto: Crypto,
  proof: TlogProof,
  checkpoint: Checkpoint,
  statement: Uint8Array,
): Seal | Refusal {
  const bytes = proof.extra ?? new Uint8Array(0)
  const foreign = checkProof(crypto, proof, bytes, checkpoint)
  if (foreign !== null) return refuse('pack-event-forged', SEAL, foreign.expected, foreign.actual)
  const entry = parseEntry(bytes, `entry ${proof.index}`)
  if (isRefusal(entry)) return entry
  const { kind, origin, detail } = entry
  const digest = toHex(crypto.sha256(statement))
  const expected = `sealed as ${digest.slice(0, 16)}…`
  // Only the server itself seals: an entry that came from a gateway does not.
  if (kind !== 'evidence-exported' || origin !== undefined) {
    return refuse('pack-manifest-changed', MANIFEST, expected, `an entry of ${kind}`)
  }
  if (detail.manifest !== digest) {
    return refuse('pack-manifest-changed', MANIFEST, expected, `${String(detail.manifest).slice(0, 16)}…`)
  }
  return { index: proof.index, at: entry.at, by: entry.actor }
}
