import type { Crypto } from '../core/encoding/crypto.ts'
import { type Instant, instant } from '../core/encoding/units.ts'
import type { Checkpoint } from '../core/ledger/checkpoint.ts'
import { cosignatureLine, cosignedMessage } from '../core/ledger/cosignature.ts'
import { emptyTree, rootOf } from '../core/ledger/merkle.ts'
import { type Note, type NoteSignature, parseNote } from '../core/ledger/signed-note.ts'
import { type AddCheckpoint, judgeRequest, type KnownLogs, logOf } from '../core/ledger/witness-request.ts'
import type { Trouble, WitnessedLog } from '../core/ledger/witness-rows.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { RefusalCode } from '../core/refusal/registry.ts'
import type { Clock, Signer } from './ports.ts'
import type { WitnessStore } from './witness-ports.ts'

/** A witness: its name and key, the logs that it signs for, and what it signed last. */
export type Witness = {
  readonly name: string
  readonly signer: Signer
  readonly logs: KnownLogs
  readonly store: WitnessStore
  readonly clock: Clock
  readonly crypto: Crypto
  /**
   * Which refusals are kept as trouble with a log. Where anybody may ask, only what the log has signed itself; where the log asks
   * over a line of its own, all that it should not ask.
   */
  readonly isTrouble: (code: RefusalCode) => boolean
}

export type Cosigned = { readonly checkpoint: Checkpoint; readonly line: NoteSignature }
/** Not signed. `signed`: the size that the witness signed last, 0 before the first. */
export type Declined = { readonly refusal: Refusal; readonly signed: number }

/** The name of a witness must be usable as a key name, and its key be Ed25519. Refuses `witness-key-unsuitable`. */
export function checkWitnessKey({ name, signer, crypto }: Pick<Witness, 'name' | 'signer' | 'crypto'>): null | Refusal {
  const line = cosignatureLine(crypto, { name, key: signer.key }, 0, new Uint8Array(64))
  return line === null ? refuse('witness-key-unsuitable', name, 'an Ed25519 key', signer.key.alg) : null
}

/**
 * Cosigns a checkpoint, when it continues what was signed of its log before (C2SP tlog-witness). The new size and root are durable
 * before the signature is made. Declines with what `logOf` and `judgeRequest` refuse, and with what the signer refuses.
 */
export async function cosign(witness: Witness, request: AddCheckpoint): Promise<Cosigned | Declined> {
  const { store, clock, crypto, logs } = witness
  const log = logOf(request, logs)
  if (isRefusal(log)) return { refusal: log, signed: 0 }
  const judged = await store.exclusive(async (): Promise<Declined | { checkpoint: Checkpoint; at: Instant }> => {
    const last = await store.log(log.origin)
    const checkpoint = judgeRequest(crypto, request, log.keys, last)
    const now = clock.now()
    if (isRefusal(checkpoint)) {
      if (witness.isTrouble(checkpoint.code)) await keepTrouble(witness, log.origin, last, checkpoint, request, now)
      return { refusal: checkpoint, signed: last?.size ?? 0 }
    }
    const { size, root } = checkpoint
    // What is kept already needs no second write: whoever sends the same again costs a signature and no sync of the disk.
    if (last?.size === size && last.trouble?.until !== null) return { checkpoint, at: now }
    const row = { origin: log.origin, size, root, checkpoint: request.checkpoint, at: now, trouble: over(last, now) }
    // If power fails before this commit, nothing was signed, and the log asks again from the size that it knows. If it fails after it, a
    // size is kept whose signature nobody has: the log is told the size, and has the same checkpoint signed again, or a later one.
    await store.keep(row, false)
    // What is signed is that no larger tree was seen by then: the time is of this turn, whoever comes before the signature is made.
    return { checkpoint, at: now }
  })
  if ('refusal' in judged) return judged
  const line = await lineFor(witness, request.checkpoint, judged.at)
  return isRefusal(line) ? { refusal: line, signed: judged.checkpoint.size } : { checkpoint: judged.checkpoint, line }
}

async function lineFor(
  { name, signer, crypto }: Witness,
  checkpoint: string,
  at: Instant,
): Promise<NoteSignature | Refusal> {
  const seconds = Math.floor(at / 1000)
  const { text } = parseNote(checkpoint) as Note
  const signature = await signer.sign(cosignedMessage(seconds, text), 'der')
  if (isRefusal(signature)) return signature
  return (
    cosignatureLine(crypto, { name, key: signer.key }, seconds, signature) ??
    refuse('witness-key-unsuitable', name, 'an Ed25519 key', signer.key.alg)
  )
}

/** Kept once for as long as it lasts: the same trouble, met at every try, is one event. */
export async function keepTrouble(
  { store, crypto }: Witness,
  origin: string,
  last: WitnessedLog | null,
  { code, expected, actual }: Refusal,
  { checkpoint }: AddCheckpoint,
  since: Instant,
): Promise<void> {
  const before = last?.trouble ?? null
  if (before?.until === null && before.code === code) return
  const trouble: Trouble = { code, expected, actual, since, until: null, checkpoint }
  const nothing = { origin, size: 0, root: rootOf(crypto, emptyTree), checkpoint: '', at: instant(0) }
  // If power fails before this commit, the next try meets it again.
  await store.keep({ ...(last ?? nothing), trouble }, true)
}

const over = (last: WitnessedLog | null, now: Instant): Trouble | null =>
  last?.trouble?.until === null ? { ...last.trouble, until: now } : (last?.trouble ?? null)
