import { fromHex, sameBytes, toHex } from '../encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto, PublicKey } from '../encoding/crypto.ts'
import { exactly, line, list, Misfit, object, type Shape, text, then, truth, whole, word } from '../encoding/shape.ts'
import { readSpelledJson } from '../encoding/strict-json.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { type Figures, figuresShape } from './figures.ts'
import { idName } from './names.ts'

/** Why a report was made. All but the last three are decisions of the device (core/slot/history.ts). */
export const REPORT_EVENTS = [
  'manufactured',
  'boot',
  'trial',
  'fallback',
  'golden',
  'staged',
  'withdrawn',
  'armed',
  'confirmed',
  'reverted',
  'dropped',
  'refused', // the device refused an assignment; `refusal` says why
  'asked', // somebody asked; `nonce` is theirs
  'regular', // nothing happened: the time for the next figures has come
] as const
export type ReportEvent = (typeof REPORT_EVENTS)[number]

/** A version by its number, sequence and digest. `digest`: SHA-256 in hex, or its first 16 bytes, or empty if unknown. */
export type ReportedVersion = { readonly version: string; readonly sequence: number; readonly digest: string }

/** A version that did not hold. `at` as far as the device knew the time, 0 when it did not. */
export type ReportedAttempt = ReportedVersion & {
  readonly at: Instant
  readonly phase: string
  readonly cause: string
}

/** Why a device refused; the code is one of the registry of the device's own version. */
export type ReportedRefusal = {
  readonly code: string
  readonly subject: string
  readonly expected: string
  readonly actual: string
}

/**
 * What a controller says of itself, signed by its report key (Uptane 2.1.0 §5.4.2.2, the ECU version report).
 * - `sequence` rises with every report of the device, over losses of power too; it may skip.
 * - `at` is the device's own clock; `nonce` the question that it answers, in hex.
 * - `previous` is what it could go back to, `staged` what waits; `armed`: the next reset tries it.
 * - `anchors`: the ids of the keys whose releases it accepts, so that somebody who changes them sees who is behind.
 * - `assignment`: the id of the assignment (see mapping.ts) that it works on or last ended.
 * - `figures`: what it counts of itself (see figures.ts).
 */
export type Report = {
  readonly kind: 'voltseal-report'
  readonly v: 1
  readonly site: string
  readonly controller: string
  readonly sequence: number
  readonly at: Instant
  readonly nonce?: string
  readonly event: ReportEvent
  readonly state: 'stable' | 'trial' | 'golden'
  readonly running: ReportedVersion & { readonly slot: 'a' | 'b' | 'golden' }
  readonly previous?: ReportedVersion
  readonly golden?: ReportedVersion
  readonly staged?: ReportedVersion
  readonly armed?: boolean
  readonly counter: number
  readonly anchors: readonly string[]
  readonly attempts: readonly ReportedAttempt[]
  readonly assignment?: string
  readonly refusal?: ReportedRefusal
  readonly figures?: Figures
}

/** A refusal as a report carries it: on one line each, and short. */
export function reportedRefusal({ code, subject, expected, actual }: Refusal): ReportedRefusal {
  const short = (phrase: string): string =>
    phrase
      .slice(0, REFUSAL_PHRASE)
      .toWellFormed()
      .replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ')
  return { code, subject: short(subject), expected: short(expected), actual: short(actual) }
}

const REFUSAL_PHRASE = 512

export const MAX_REPORT_BYTES = 16 * 1024

const WORD = 0xffffffff
const moment: Shape<Instant> = then(whole(0, 8_640_000_000_000_000), value => instant(value))
const sequence = whole(0, WORD)
const version = { version: line(64, 0), sequence, digest: text('a digest in hex', /^(?:[0-9a-f]{32}|[0-9a-f]{64})?$/) }
const running = object({
  version: line(64),
  sequence,
  digest: text('a SHA-256 in hex', /^[0-9a-f]{64}$/),
  slot: word('a', 'b', 'golden'),
})

const reportShape: Shape<Report> = object(
  {
    kind: word('voltseal-report'),
    v: exactly(1),
    site: idName,
    controller: idName,
    sequence: whole(1, Number.MAX_SAFE_INTEGER),
    at: moment,
    event: word(...REPORT_EVENTS),
    state: word('stable', 'trial', 'golden'),
    running,
    counter: whole(0, WORD),
    anchors: list(text('a key id in hex', /^[0-9a-f]{64}$/), 0, 4),
    attempts: list(object({ ...version, at: moment, phase: line(32, 0), cause: line(160, 0) }), 0, 16),
  },
  {
    nonce: text('a nonce of 8 to 64 bytes in hex', /^(?:[0-9a-f]{2}){8,64}$/),
    previous: object(version),
    golden: object(version),
    staged: object(version),
    armed: truth,
    assignment: line(200),
    figures: figuresShape,
    refusal: object({
      code: text('a code', /^[a-z][a-z0-9-]{0,63}$/),
      subject: line(REFUSAL_PHRASE, 0),
      expected: line(REFUSAL_PHRASE, 0),
      actual: line(REFUSAL_PHRASE, 0),
    }),
  },
)

/**
 * Checks a report before it is signed and answers what is signed: canonical JSON, which begins no other document of
 * ours. Refuses `report-malformed`.
 */
export function reportBytes(report: Report): Uint8Array | Refusal {
  const read = reportShape(report, '')
  if (read instanceof Misfit) return malformed(`${report.site}/${report.controller}`, read)
  return canonicalJson(read as unknown as Json)
}

/** The report as it travels: canonical JSON of the report and its signature (DER for ECDSA). */
export function sealReport(report: Report, signature: Uint8Array): Uint8Array {
  return canonicalJson({ sig: toHex(signature), signed: report as unknown as JsonObject })
}

/** Whom a report is expected from: what the caller knows before it reads. */
export type Reporter = { readonly site: string; readonly controller: string; readonly key: PublicKey }

/**
 * Opens a report: its form, its one spelling, its signature, and that it speaks of the controller that it is from.
 * Whether it is new is `checkReportNew`'s question. Refuses `report-malformed`, `report-signature-invalid`,
 * `report-wrong-controller`.
 */
export function openReport(bytes: Uint8Array, from: Reporter, crypto: Crypto): Report | Refusal {
  const subject = `report of ${from.site}/${from.controller}`
  const file = openSigned(bytes, MAX_REPORT_BYTES, reportFile)
  if (file instanceof Misfit) return malformed(subject, file)
  if (!crypto.verify(from.key, file.message, file.signature, 'der')) {
    return refuse('report-signature-invalid', subject, 'a signature by its report key', 'one that does not hold')
  }
  const { site, controller } = file.signed
  if (site === from.site && controller === from.controller) return file.signed
  return refuse('report-wrong-controller', subject, `${from.site}/${from.controller}`, `${site}/${controller}`)
}

/**
 * Whether a report is newer than the last that was taken in (`lastSequence`, 0 before the first), and answers the nonce
 * when one was asked. Null when it is; refuses `report-replayed`, `report-nonce-mismatch`.
 */
export function checkReportNew(report: Report, lastSequence: number, nonce: string | null = null): Refusal | null {
  const subject = `report of ${report.site}/${report.controller}`
  if (report.sequence <= lastSequence) {
    return refuse('report-replayed', subject, `a sequence above ${lastSequence}`, String(report.sequence))
  }
  if (nonce === null || report.nonce === nonce) return null
  return refuse('report-nonce-mismatch', subject, `nonce ${nonce}`, report.nonce ?? 'none')
}

/**
 * Whether a report is regular and tells nothing of its controller but figures that `before` did not tell: its outcome,
 * versions, attempts and keys are the same. It is then no event: it is not numbered by its gateway, and not entered in the
 * log. A regular report that tells anything else is an event like any other, whatever word it goes by.
 */
export function isRoutine(report: Report, before: Report | null): boolean {
  if (report.event !== 'regular' || before === null) return false
  return report.refusal === undefined && sameBytes(lastingOf(report), lastingOf(before))
}

/** What lasts from one report to the next: a refusal is told once. */
function lastingOf(report: Report): Uint8Array {
  const { sequence: _s, at: _a, event: _e, figures: _f, nonce: _n, refusal: _r, ...lasting } = report
  return canonicalJson(lasting as unknown as Json)
}

/** Whose report it claims to be, read before anything is verified: only good for finding the key to verify it with. */
export function claimedReporter(bytes: Uint8Array): { readonly site: string; readonly controller: string } | null {
  const file = openSigned(bytes, MAX_REPORT_BYTES, reportFile)
  return file instanceof Misfit ? null : { site: file.signed.site, controller: file.signed.controller }
}

/** A report that was verified when it was stored; null for bytes that are none. Whoever acts on it verifies it (`openReport`). */
export function readStoredReport(bytes: Uint8Array): Report | null {
  const file = openSigned(bytes, MAX_REPORT_BYTES, reportFile)
  return file instanceof Misfit ? null : file.signed
}

/** The shape of a signed document, for `openSigned`: made once, since it is used for every report of a fleet. */
export const signedFile = <T>(signed: Shape<T>) =>
  object({ signed, sig: text('a signature in hex', /^(?:[0-9a-f]{2}){1,4096}$/) })

const reportFile = signedFile(reportShape)

/** Reads a signed document in its one spelling: `{"sig":…,"signed":…}` in canonical JSON. `message` is what was signed. */
export function openSigned<T>(
  bytes: Uint8Array,
  limit: number,
  file: ReturnType<typeof signedFile<T>>,
): { readonly signed: T; readonly message: Uint8Array; readonly signature: Uint8Array } | Misfit {
  const json = readSpelledJson(bytes, limit)
  if (json instanceof JsonFault) return new Misfit('', `strict JSON of at most ${limit} bytes`, json.message)
  const read = file(json.value, '')
  if (read instanceof Misfit) return read
  if (!json.canonical) return new Misfit('', 'canonical JSON', 'another spelling')
  // What was signed is canonical JSON, and so is the document: it stands in it as it is.
  const message = bytes.subarray(`{"sig":"${read.sig}","signed":`.length, -1)
  return { signed: read.signed as T, message, signature: fromHex(read.sig) as Uint8Array }
}

const malformed = (subject: string, { at, expected, actual }: Misfit): Refusal =>
  refuse('report-malformed', subject, expected, `${actual} at ${at || 'the top'}`)
