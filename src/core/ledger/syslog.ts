import { concat, toHex, utf8 } from '../encoding/bytes.ts'
import { canonicalJson, type Json } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { Instant } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { type AuditEntry, parseEntry } from './entry.ts'
import { leafHash } from './merkle.ts'
import { numberOf, type Severity, severityOf } from './severity.ts'

/**
 * Audit entries as syslog messages (RFC 5424), framed for a stream (RFC 5425 section 4.3). What stands behind the byte
 * order mark of a message is the entry as it stands in the log, byte for byte: whoever has the message can hash it and ask the
 * log for its proof.
 */

/** What all messages of one log to one receiver have in common. */
export type SyslogFormat = {
  /** The origin of the log: the fleet's name. */
  readonly log: string
  /** HOSTNAME: where the fleet is reached. */
  readonly host: string
  /** The private enterprise number behind our structured data (RFC 5424 section 7.2.2). */
  readonly enterprise: number
  /** The longest message that is sent, in bytes, without its frame. */
  readonly maxBytes: number
}

/** What every receiver takes, and what it should take at least (RFC 5425 section 4.3.1). */
export const LEAST_MAX_BYTES = 2048
export const DEFAULT_MAX_BYTES = 8192
/** RFC 5612: the number for examples. Voltseal has none of its own; who has one names it in the config. */
export const EXAMPLE_ENTERPRISE = 32473
/** The port of syslog over TLS (RFC 5425 section 4.1). */
export const SYSLOG_TLS_PORT = 6514

/** "log audit" (RFC 5424 table 1). */
const FACILITY = 13
const NIL = '-'
const BOM = new Uint8Array([0xef, 0xbb, 0xbf])
const LAST_YEAR = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * The message of an entry, at most `maxBytes` long. An entry that does not fit is sent without its details, or as its place and
 * hash alone: `bytes` in the structured data says how long the entry in the log is, and the log has it whole. An entry that
 * cannot be read is told as one, with its hash: it is never passed over.
 */
export function entryMessage(crypto: Crypto, format: SyslogFormat, index: number, bytes: Uint8Array): Uint8Array {
  const place: Params = [
    ['log', format.log],
    ['index', String(index)],
    ['leaf', toHex(leafHash(crypto, bytes))],
  ]
  const entry = parseEntry(bytes, `entry ${index}`)
  if (isRefusal(entry)) return unreadable(format, place, entry)
  const head: Head = { severity: severityOf(entry), at: entry.at, host: format.host, msgid: entry.kind }
  const synchronised = entry.clock === 'synchronised'
  const facts = [...place, ...factsOf(entry)]
  const cut: Params = [['bytes', String(bytes.length)]]
  const forms = [
    () => message(head, format, facts, synchronised, bytes),
    () => message(head, format, [...facts, ...cut], synchronised, withoutDetail(entry)),
    () => message(head, format, [...facts, ...cut], synchronised, null),
  ]
  for (const form of forms) {
    const made = form()
    if (made.length <= format.maxBytes) return made
  }
  return message(head, format, [...place, ...cut], synchronised, null)
}

/**
 * The message that tells of entries which the server does not have any more: from `first` to `last`, inclusive. A receiver that
 * counts indices sees the gap by itself; this says that it is one of ours.
 */
export function gapMessage(format: SyslogFormat, first: number, last: number, at: Instant): Uint8Array {
  const head: Head = { severity: 'error', at, host: format.host, msgid: 'siem-gap' }
  const facts: Params = [
    ['log', format.log],
    ['first', String(first)],
    ['last', String(last)],
  ]
  return message(head, format, facts, false, utf8('entries that this server does not have any more'))
}

/** A message in its frame: its length in decimal digits, a space, the message (octet counting, RFC 5425 section 4.3). */
export const frame = (bytes: Uint8Array): Uint8Array => concat(utf8(`${bytes.length} `), bytes)

type Head = {
  readonly severity: Severity
  readonly at: Instant | null
  readonly host: string
  readonly msgid: string
}
type Params = readonly (readonly [name: string, value: string])[]

/** What a receiver sorts and searches by, without reading the message itself. */
function factsOf(entry: AuditEntry): Params {
  const { actor, site, controller, campaign, release, changeRequest, code, origin, clock } = entry
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['actorKind', actor.kind],
    ['actor', actor.id],
    ['key', actor.key],
    ['site', site],
    ['controller', controller],
    ['campaign', campaign],
    ['release', release],
    ['changeRequest', changeRequest],
    ['code', code],
    ['clock', clock],
    ['gateway', origin?.gateway],
    ['sequence', origin === undefined ? undefined : String(origin.sequence)],
  ]
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
}

function withoutDetail(entry: AuditEntry): Uint8Array {
  const { detail: _, ...rest } = entry
  return canonicalJson(rest as unknown as Json)
}

/** Whatever it holds stays in the log: nothing of it was judged, so nothing of it is put into a message. */
function unreadable(format: SyslogFormat, place: Params, { code }: Refusal): Uint8Array {
  const head: Head = { severity: 'critical', at: null, host: format.host, msgid: 'entry-unreadable' }
  return message(head, format, [...place, ['code', code]], false, utf8('an entry that this server cannot read'))
}

function message(
  { severity, at, host, msgid }: Head,
  { enterprise }: SyslogFormat,
  facts: Params,
  synchronised: boolean,
  text: Uint8Array | null,
): Uint8Array {
  const priority = FACILITY * 8 + numberOf(severity)
  const header = `<${priority}>1 ${timestamp(at)} ${printable(host, 255)} voltseal ${NIL} ${printable(msgid, 32)}`
  // timeQuality is IANA's (RFC 5424 section 7.1): times here are UTC, and the entry knows what its clock was worth.
  const quality: Params = [
    ['tzKnown', '1'],
    ['isSynced', synchronised ? '1' : '0'],
  ]
  const data = `${element(`voltseal@${enterprise}`, facts)}${element('timeQuality', quality)}`
  const before = utf8(`${header} ${data}`)
  return text === null ? before : concat(before, utf8(' '), BOM, text)
}

const element = (id: string, params: Params): string =>
  `[${id}${params.map(([name, value]) => ` ${name}="${escaped(value)}"`).join('')}]`

/** RFC 5424 section 6.3.3. A control character has no place in a value; what is not a character has none in UTF-8. */
const escaped = (value: string): string =>
  value
    .toWellFormed()
    .replaceAll(/\p{Cc}|[\u2028\u2029]/gu, ' ')
    .replaceAll(/["\\\]]/g, '\\$&')

/** With milliseconds (RFC 5424 section 6.2.3). Of a year with five digits nobody can write one. */
function timestamp(at: Instant | null): string {
  if (at === null || at > LAST_YEAR) return NIL
  const fraction = String(((at % 1000) + 1000) % 1000).padStart(3, '0')
  return `${formatUtc(at).slice(0, -1)}.${fraction}Z`
}

/** Characters that the header may hold (PRINTUSASCII): everything else is left out. */
function printable(text: string, most: number): string {
  const clean = text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, most)
  return clean === '' ? NIL : clean
}
