import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { verifyCosignature } from '../../src/core/ledger/cosignature.ts'
import { checkQuorum, type LogPolicy } from '../../src/core/ledger/log-policy.ts'
import { type ProofWalk, walkProof } from '../../src/core/ledger/proof-walk.ts'
import type { Note } from '../../src/core/ledger/signed-note.ts'
import type { Came, Wanted } from '../../src/core/ledger/tile-reader.ts'
import { writeProof } from '../../src/core/ledger/tlog-proof.ts'
import { openProof, openSigned, type ProvenEntry, type SignedHead } from '../../src/core/ledger/trusted-head.ts'
import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'

/** The proof of an entry as this browser made and judged it, for the drawing and for its words. */

/** A witness of the policy under the checkpoint. `seconds` since 1970: when it signed. `open`: it has not signed this one. */
export type WitnessStep = {
  readonly name: string
  readonly standing: 'holds' | 'breaks' | 'open'
  readonly seconds: number | null
}

export type Proof = {
  readonly index: number
  /** The head that it leads to; null: what was given as one is not signed by the log, and there is nothing to lead to. */
  readonly head: SignedHead | null
  /** Why the head is none. */
  readonly unsigned: Refusal | null
  readonly walk: ProofWalk | null
  readonly witnesses: readonly WitnessStep[]
  /** How many have to sign; null: none has to. `short`: too few have, or one signature is false. */
  readonly quorum: { readonly wanted: string; readonly short: Refusal | null } | null
  /** The entry, as the very verifier of the command line proved it out of `text`; or why it did not. */
  readonly verdict: ProvenEntry | Refusal
  /** The proof as a file (C2SP tlog-proof), when it is one. */
  readonly text: string | null
}

/** The checkpoints that a server gives out: the newest one, and the newest one that enough witnesses have signed. */
export type Checkpoints = { readonly newest: string; readonly witnessed: string | null }

/**
 * Makes the proof of an entry from the files of a log, and judges it as who gets it will. Asks for files by `yield`. Answers a refusal only where
 * the head is too short for the entry (`log-index-beyond`): everything else is a step that breaks.
 */
export function* proofOf(
  crypto: Crypto,
  policy: LogPolicy,
  { newest, witnessed }: Checkpoints,
  index: number,
): Generator<Wanted, Proof | Refusal, Came> {
  const signed = chosen(crypto, policy, newest, witnessed, index)
  const head = openSigned(signed, policy, crypto)
  if (isRefusal(head)) {
    return { index, head: null, unsigned: head, walk: null, witnesses: [], quorum: null, verdict: head, text: null }
  }
  const walk = yield* walkProof(crypto, head.checkpoint, index)
  if (isRefusal(walk)) return walk
  const { bytes, path, steps } = walk
  const text = bytes === null || path === null ? null : writeProof({ index, path, checkpoint: signed, extra: bytes })
  const broken = steps.find(({ fault }) => fault !== null)?.fault ?? null
  const verdict = text === null ? (broken as Refusal) : openProof(text, policy, crypto)
  const quorum = quorumOf(crypto, policy, head.note)
  const witnesses = [...policy.witnesses].map(([name, { key }]) =>
    witnessStep(name, verifyCosignature(crypto, head.note, key)),
  )
  const made = { index, head, unsigned: null, walk, witnesses, quorum, verdict }
  return { ...made, text: isRefusal(verdict) ? null : text }
}

/** The newest checkpoint; where too few witnesses have signed that one yet, the one that enough have, when the entry is in it. */
function chosen(crypto: Crypto, policy: LogPolicy, newest: string, witnessed: string | null, index: number): string {
  const head = openSigned(newest, policy, crypto)
  if (witnessed === null || isRefusal(head) || !isRefusal(checkQuorum(crypto, policy, head.note))) return newest
  const older = openSigned(witnessed, policy, crypto)
  if (isRefusal(older) || older.checkpoint.size <= index) return newest
  return isRefusal(checkQuorum(crypto, policy, older.note)) ? newest : witnessed
}

function quorumOf(crypto: Crypto, policy: LogPolicy, note: Note): Proof['quorum'] {
  if (policy.quorum === null) return null
  const group = policy.groups.get(policy.quorum)
  const wanted = group === undefined ? policy.quorum : `${group.needed} of ${group.members.join(', ')}`
  const cosigned = checkQuorum(crypto, policy, note)
  return { wanted, short: isRefusal(cosigned) ? cosigned : null }
}

function witnessStep(name: string, seen: number | 'invalid' | 'unknown'): WitnessStep {
  if (seen === 'invalid') return { name, standing: 'breaks', seconds: null }
  return seen === 'unknown' ? { name, standing: 'open', seconds: null } : { name, standing: 'holds', seconds: seen }
}

/** How it all came out. `waits`: the entry is proven under the log's own signature, and too few witnesses have signed yet. */
export type Outcome = 'proven' | 'waits' | 'broken'

export function outcomeOf({ verdict, walk, quorum, witnesses }: Proof): Outcome {
  if (!isRefusal(verdict)) return 'proven'
  const forged = witnesses.some(({ standing }) => standing === 'breaks')
  return walk?.arrives === true && quorum?.short?.code === 'cosignatures-too-few' && !forged ? 'waits' : 'broken'
}
