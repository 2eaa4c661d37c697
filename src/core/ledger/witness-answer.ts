import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { registry } from '../refusal/registry.ts'
import { MAX_NOTE_BYTES, type NoteSignature, parseSignatures, writeSignatures } from './signed-note.ts'
import type { AddCheckpoint } from './witness-request.ts'

/** What a witness answers to add-checkpoint, and how a log reads it (C2SP tlog-witness). */

export const SIZE_TYPE = 'text/x.tlog.size'
const SIGNATURES_TYPE = 'text/plain; charset=utf-8'

/** `body` null: the specification names none, and the refusal itself is written. */
export type WitnessAnswer = { readonly status: number; readonly type: string; readonly body: string | null }

/**
 * What is answered to a request, null for one that could not be read. `signed`: the size that the witness signed last, 0 before the
 * first.
 */
export function answerOf(
  outcome: readonly NoteSignature[] | Refusal,
  request: AddCheckpoint | null,
  signed: number,
): WitnessAnswer {
  if (!isRefusal(outcome)) return { status: 200, type: SIGNATURES_TYPE, body: writeSignatures(outcome) }
  const { code } = outcome
  // A log that has signed another tree of the same size is told so by the size that it asked from.
  const isTwin = code === 'log-forked' && request?.old === claimedSize(request?.checkpoint)
  if (code === 'witness-size-differs' || isTwin) return { status: 409, type: SIZE_TYPE, body: `${signed}\n` }
  return { status: STATUS[code] ?? registry[code].status, type: 'application/problem+json', body: null }
}

/** The statuses of the specification, where the code has another one elsewhere. */
const STATUS: Readonly<Partial<Record<Refusal['code'], number>>> = {
  'checkpoint-malformed': 400,
  'log-behind-witness': 400,
  'checkpoint-unsigned': 403,
  'checkpoint-key-unknown': 403,
  'checkpoint-signature-invalid': 403,
}

/** The size that a checkpoint says, verified or not. */
const claimedSize = (checkpoint = ''): number => Number(checkpoint.split('\n', 2)[1])

/** A witness's answer, read: signatures that nobody has verified, or the size that it signed last. */
export type Read = { readonly signatures: readonly NoteSignature[] } | { readonly size: number }

/**
 * Reads an answer to a request that said `old` for a checkpoint of `size` entries. Refuses `log-forked` when the witness has signed
 * another tree of the same size, `witness-proof-invalid`, `witness-log-unknown`, `witness-refused`, `answer-unexpected`.
 */
export function readWitnessAnswer(
  subject: string,
  asked: { readonly old: number; readonly size: number },
  { status, type, body }: { readonly status: number; readonly type: string; readonly body: string },
): Read | Refusal {
  const strange = (actual: string): Refusal =>
    refuse('answer-unexpected', subject, 'an answer of a witness', actual, 'C2SP tlog-witness, add-checkpoint')
  if (body.length > MAX_NOTE_BYTES) return strange(`${body.length} characters`)
  if (status === 200) {
    const signatures = parseSignatures(body)
    return 'fault' in signatures ? strange(signatures.fault) : { signatures }
  }
  if (status === 409) {
    const digits = /^(0|[1-9][0-9]{0,15})\n$/.exec(body)?.[1]
    const size = Number(digits ?? 'none')
    if (type.split(';', 1)[0]?.trim() !== SIZE_TYPE || !Number.isSafeInteger(size)) {
      return strange('status 409 without a size')
    }
    if (size !== asked.old) return { size }
    if (asked.old !== asked.size) return strange('the size that it was asked from')
    return refuse('log-forked', subject, `the tree of ${asked.size} entries that it signed`, 'another one of that size')
  }
  if (status === 404) return refuse('witness-log-unknown', subject, 'a witness that knows the log', 'status 404')
  if (status === 422) {
    return refuse(
      'witness-proof-invalid',
      subject,
      `a proof from ${asked.old} to ${asked.size} that holds`,
      'status 422',
    )
  }
  if (status === 403) return refuse('witness-refused', subject, 'a witness that knows the log’s key', 'status 403')
  return strange(`status ${status}`)
}
