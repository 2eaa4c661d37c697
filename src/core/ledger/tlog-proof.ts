import { fromBase64, toBase64 } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { Checkpoint } from './checkpoint.ts'
import { HASH_BYTES, leafHash, verifyInclusion } from './merkle.ts'
import { MAX_NOTE_BYTES } from './signed-note.ts'

/** A proof that an entry is in a log (C2SP tlog-proof v1): a text that is verified with the keys of log and witnesses, and nothing else. */

/** `extra` is bytes that nothing vouches for; ours are the entry itself, which the proof then does. */
export type TlogProof = {
  readonly index: number
  readonly path: readonly Uint8Array[]
  readonly checkpoint: string
  readonly extra: Uint8Array | null
}

const FIRST = 'c2sp.org/tlog-proof@v1'
/** The longest audit path that there can be (C2SP tlog-witness has the same bound for its proofs). */
const MAX_PATH = 63
export const MAX_PROOF_CHARACTERS = MAX_NOTE_BYTES + 160 * 1024

export function writeProof({ index, path, checkpoint, extra }: TlogProof): string {
  const known = extra === null ? [] : [`extra ${toBase64(extra)}`]
  return `${[FIRST, ...known, `index ${index}`, ...path.map(toBase64)].join('\n')}\n\n${checkpoint}`
}

/** Reads what `writeProof` writes; nothing of it is verified. Refuses `log-proof-malformed`. */
export function readProof(text: string): TlogProof | Refusal {
  const bad = (expected: string, actual: string): Refusal =>
    refuse('log-proof-malformed', 'the proof', expected, actual, 'C2SP tlog-proof, "Format"')
  if (text.length > MAX_PROOF_CHARACTERS) return bad(`at most ${MAX_PROOF_CHARACTERS} characters`, `${text.length}`)
  const end = text.indexOf('\n\n')
  if (end < 0) return bad('a proof, an empty line and a checkpoint', 'no empty line')
  const [first, ...rest] = text.slice(0, end).split('\n')
  if (first !== FIRST) return bad(FIRST, JSON.stringify((first ?? '').slice(0, 40)))
  const given = rest[0]?.startsWith('extra ') ? rest.shift()?.slice('extra '.length) : undefined
  const extra = given === undefined ? null : fromBase64(given)
  if (given !== undefined && extra === null) return bad('extra data in base64', 'something else')
  const [line = '', ...hashes] = rest
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(line)?.[1]
  if (index === undefined || !Number.isSafeInteger(Number(index)))
    return bad('an index', JSON.stringify(line.slice(0, 40)))
  if (hashes.length > MAX_PATH) return bad(`at most ${MAX_PATH} hashes`, `${hashes.length}`)
  const path: Uint8Array[] = []
  for (const hash of hashes) {
    const bytes = fromBase64(hash)
    if (bytes?.length !== HASH_BYTES) return bad('hashes in base64', JSON.stringify(hash.slice(0, 60)))
    path.push(bytes)
  }
  return { index: Number(index), path, checkpoint: text.slice(end + 2), extra }
}

/** Whether a proof leads from an entry to the root of a checkpoint that was verified. Refuses `log-proof-invalid`. */
export function checkProof(
  crypto: Crypto,
  { index, path }: TlogProof,
  entry: Uint8Array,
  { size, root, origin }: Checkpoint,
): Refusal | null {
  if (verifyInclusion(crypto, { index, size, leaf: leafHash(crypto, entry), root }, path)) return null
  return refuse(
    'log-proof-invalid',
    `entry ${index} of ${origin}`,
    `a path to the root of ${size} entries`,
    'another root',
  )
}
