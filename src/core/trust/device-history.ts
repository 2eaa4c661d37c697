import { toHex } from '../encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { exactly, list, Misfit, object, type Shape, text, then, whole, word } from '../encoding/shape.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { idName } from './names.ts'
import { openSigned, type Reporter, signedFile } from './report.ts'

/**
 * One decision of a device as its history has it (core/slot/history.ts): `decision` numbers them without a gap, `at` is the
 * device's clock (0: it did not know the time), `reset` why it was reset last, `digest` the first 16 bytes of the image's
 * SHA-256 in hex.
 */
export type DeviceDecision = {
  readonly decision: number
  readonly at: number
  readonly event: string
  readonly phase: string
  readonly reset: string
  readonly slot: string
  readonly sequence: number
  readonly version: string
  readonly digest: string
  readonly cause: string
}

/** Numbers of decisions, both ends included. */
export type DecisionRange = { readonly from: number; readonly to: number }

/**
 * A stretch of a device's history, signed by its report key.
 * - `sequence` is a number of its reports: it rises, and is never given twice.
 * - `decisions` and `lost` together are every number from `from` to `to`, once: what its ring does not have any more is said.
 * - `before`: the digest of the decision in front of `from` (`decisionDigest`); left out where the ring has lost it.
 */
export type DeviceHistory = DecisionRange & {
  readonly kind: 'voltseal-history'
  readonly v: 1
  readonly site: string
  readonly controller: string
  readonly sequence: number
  readonly at: Instant
  readonly before?: string
  readonly decisions: readonly DeviceDecision[]
  readonly lost: readonly DecisionRange[]
}

/** Decisions in one statement at most, and stretches that are lost between them. */
export const MAX_DECISIONS = 64
export const MAX_HISTORY_BYTES = 32 * 1024

const WORD = 0xffffffff
const LAST = Number.MAX_SAFE_INTEGER
const number = whole(1, LAST)
const short = text('1 to 32 of a-z and -', /^[a-z-]{1,32}$/)
const ascii = (most: number) =>
  text(`at most ${most} characters of printable ASCII`, new RegExp(`^[\\x20-\\x7e]{0,${most}}$`))

const decisionShape: Shape<DeviceDecision> = object({
  decision: number,
  at: whole(0, LAST),
  event: short,
  phase: short,
  reset: short,
  slot: short,
  sequence: whole(0, WORD),
  version: ascii(32),
  digest: text('16 bytes in hex, or nothing', /^(?:[0-9a-f]{32})?$/),
  cause: ascii(48),
})

const historyShape: Shape<DeviceHistory> = object(
  {
    kind: word('voltseal-history'),
    v: exactly(1),
    site: idName,
    controller: idName,
    sequence: number,
    at: then(whole(0, 8_640_000_000_000_000), value => instant(value)),
    from: number,
    to: number,
    decisions: list(decisionShape, 0, MAX_DECISIONS),
    lost: list(object({ from: number, to: number }), 0, MAX_DECISIONS + 1),
  },
  { before: text('a SHA-256 in hex', /^[0-9a-f]{64}$/) },
)

const historyFile = signedFile(historyShape)

/** The digest by which the decision in front of a stretch is named, in hex. */
export function decisionDigest(crypto: Pick<Crypto, 'sha256'>, decision: DeviceDecision): string {
  return toHex(crypto.sha256(canonicalJson(decision as unknown as Json)))
}

/** Checks a stretch before it is signed and answers what is signed. Refuses `history-malformed`. */
export function historyBytes(history: DeviceHistory): Uint8Array | Refusal {
  const read = checked(history)
  if (read instanceof Misfit) return malformed(`${history.site}/${history.controller}`, read)
  return canonicalJson(read as unknown as Json)
}

/** The stretch as it travels: canonical JSON of it and its signature (DER for ECDSA). */
export function sealHistory(history: DeviceHistory, signature: Uint8Array): Uint8Array {
  return canonicalJson({ sig: toHex(signature), signed: history as unknown as JsonObject })
}

/**
 * Opens a stretch of history: its form, its one spelling, that it accounts for every number, its signature, and that it
 * speaks of the controller that it is from. How it fits behind what was told before is `judgeHistory`'s question
 * (core/ledger/device-place.ts). Refuses `history-malformed`, `history-signature-invalid`, `history-wrong-controller`.
 */
export function openHistory(bytes: Uint8Array, from: Reporter, crypto: Crypto): DeviceHistory | Refusal {
  const subject = `history of ${from.site}/${from.controller}`
  const file = openSigned(bytes, MAX_HISTORY_BYTES, historyFile)
  if (file instanceof Misfit) return malformed(subject, file)
  const fault = unaccounted(file.signed)
  if (fault !== null) return malformed(subject, fault)
  if (!crypto.verify(from.key, file.message, file.signature, 'der')) {
    return refuse('history-signature-invalid', subject, 'a signature by its report key', 'one that does not hold')
  }
  const { site, controller } = file.signed
  if (site === from.site && controller === from.controller) return file.signed
  return refuse('history-wrong-controller', subject, `${from.site}/${from.controller}`, `${site}/${controller}`)
}

/** Whose history it claims to be, and the document, before its signature is verified; null for bytes that are none. */
export function claimedHistory(
  bytes: Uint8Array,
): { readonly signed: DeviceHistory; readonly signature: Uint8Array } | null {
  const file = openSigned(bytes, MAX_HISTORY_BYTES, historyFile)
  return file instanceof Misfit || unaccounted(file.signed) !== null
    ? null
    : { signed: file.signed, signature: file.signature }
}

function checked(value: unknown): DeviceHistory | Misfit {
  const read = historyShape(value, '')
  return read instanceof Misfit ? read : (unaccounted(read) ?? read)
}

/** Decisions and what is lost, in order, without a hole or an overlap, from end to end. */
function unaccounted({ from, to, decisions, lost }: DeviceHistory): Misfit | null {
  const parts = [...decisions.map(({ decision }) => ({ from: decision, to: decision })), ...lost]
  parts.sort((a, b) => a.from - b.from)
  let next = from
  for (const part of parts) {
    if (part.from !== next || part.to < part.from) return new Misfit('decisions', `decision ${next}`, `${part.from}`)
    next = part.to + 1
  }
  return next === to + 1 && to >= from ? null : new Misfit('to', `${next - 1}`, `${to}`)
}

const malformed = (subject: string, { at, expected, actual }: Misfit): Refusal =>
  refuse('history-malformed', subject, expected, `${actual} at ${at || 'the top'}`)
