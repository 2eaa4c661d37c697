import { fromBase64, fromHex, sameBytes, toHex } from '../encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { claimedHistory } from '../trust/device-history.ts'
import { type BreakCode, type DevicePlace, judgeAttested, judgeHistory, NOTHING_TOLD } from './device-place.ts'
import { type AuditEntry, type EntryOrigin, withoutOrigin } from './entry.ts'
import { firstHead, itemDigest, nextHead } from './site-chain.ts'

/** A break of a sequence that the log tells of: of a controller's decisions, or (`controller` null) of its gateway's own log. */
export type SequenceBreak = {
  readonly site: string
  readonly controller: string | null
  readonly code: BreakCode | 'upstream-lost' | 'upstream-forgotten'
  readonly from: number
  readonly to: number
  /** The entry of the log that says so. */
  readonly entry: number
}

/** Breaks that are kept at most; the rest is counted. */
export const MAX_BREAKS = 1000

/** A controller as the log tells of it: the report key that it was registered with last, and how far its history was told. */
export type Device = { key: Uint8Array | null; place: DevicePlace }

/**
 * How far each gateway's log and each controller's history have come, while a log is read. One object that each entry
 * changes: a fleet has a million controllers.
 */
export type Origins = {
  readonly gateways: Map<string, { sequence: number; head: Uint8Array }>
  readonly devices: Map<string, Device>
  readonly breaks: SequenceBreak[]
  moreBreaks: number
  /** Whether signatures of devices are verified: the browser's mathematics has Ed25519 alone. */
  readonly signatures: boolean
}

export const noOrigins = (signatures: boolean): Origins => ({
  gateways: new Map(),
  devices: new Map(),
  breaks: [],
  moreBreaks: 0,
  signatures,
})

/**
 * Takes an entry: its gateway's number and head must follow the ones before it, and a controller's history what was told
 * of it. Whatever does not follow, and is not said by the entry itself, is a finding: `log-origin-gap`, `log-origin-repeated`,
 * `log-origin-forked`, `log-break-unsaid`, `history-replayed`, `history-malformed`, `history-wrong-controller`,
 * `history-signature-invalid`. What an entry does say is kept as a break.
 */
export function takeOrigin(crypto: Crypto, so: Origins, entry: AuditEntry, index: number): readonly Refusal[] {
  const faults = entry.origin === undefined ? [] : takeGateway(crypto, so, entry, entry.origin, index)
  if (entry.kind === 'store-restored' && entry.origin === undefined) takeForgotten(so, entry, index)
  if (entry.kind === 'controller-registered') register(so, entry)
  if (entry.kind === 'controller-report') faults.push(...takeReport(so, entry, index))
  if (entry.kind === 'device-history') faults.push(...takeHistory(crypto, so, entry, index))
  return faults
}

function takeGateway(crypto: Crypto, so: Origins, entry: AuditEntry, origin: EntryOrigin, index: number): Refusal[] {
  const subject = `entry ${index}`
  const { gateway, sequence, kind } = origin
  const before = so.gateways.get(gateway) ?? { sequence: 0, head: firstHead() }
  if (sequence <= before.sequence) {
    return [refuse('log-origin-repeated', subject, `${gateway} above ${before.sequence}`, `${gateway} ${sequence}`)]
  }
  const head = fromHex(origin.head) as Uint8Array
  so.gateways.set(gateway, { sequence, head })
  const from = before.sequence + 1
  if (kind === 'lost') {
    // What a gateway says itself that it lost: nobody can check the head in front of which it goes on.
    const said = entry.kind === 'site-log-lost' && entry.detail.from === from && entry.detail.to === sequence
    if (!said) return [refuse('log-break-unsaid', subject, `${from} to ${sequence} said lost`, 'another range')]
    keep(so, { site: gateway, controller: null, code: 'upstream-lost', from, to: sequence, entry: index })
    return []
  }
  if (sequence > from) {
    return [refuse('log-origin-gap', subject, `${gateway} ${from}`, `${gateway} ${sequence}`)]
  }
  const item = fromHex(origin.item) as Uint8Array
  const own = itemOf(crypto, entry, kind)
  const isNext = sameBytes(nextHead(crypto, before.head, sequence, item), head)
  return isNext && (own === null || own.some(digest => sameBytes(digest, item)))
    ? []
    : [refuse('log-origin-forked', subject, `the item that ${gateway} signed`, 'another one')]
}

/**
 * What the fleet says that it lost of a site, when it was restored from an older copy: the log is then whole without it, and goes on
 * behind the head that the gateway signed there.
 */
function takeForgotten(so: Origins, { site, detail: { lost } }: AuditEntry, index: number): void {
  const { from, to, head } = Object(lost) as { from?: unknown; to?: unknown; head?: unknown }
  const behind = typeof head === 'string' ? fromHex(head) : null
  if (site === undefined || behind === null || !Number.isSafeInteger(from) || !Number.isSafeInteger(to)) return
  if (from !== (so.gateways.get(site)?.sequence ?? 0) + 1) return
  so.gateways.set(site, { sequence: to as number, head: behind })
  keep(so, { site, controller: null, code: 'upstream-forgotten', from, to: to as number, entry: index })
}

/**
 * What the item can have been, where the entry holds all of it; null where it tells of it in other words. The fleet adds the number
 * of a campaign's change to what a gateway says of the campaign.
 */
function itemOf(crypto: Crypto, entry: AuditEntry, kind: EntryOrigin['kind']): Uint8Array[] | null {
  // An item that was refused is told of, and not repeated.
  if (entry.kind === 'report-refused') return null
  if (kind === 'history') return [itemDigest(crypto, kind, canonicalJson(statementOf(entry)))]
  if (kind === 'entry') {
    const { changeRequest: _, ...said } = withoutOrigin(entry)
    const forms = [withoutOrigin(entry), said] as unknown as JsonObject[]
    return forms.map(form => itemDigest(crypto, kind, canonicalJson(form)))
  }
  return null
}

const statementOf = ({ detail: { sig, signed } }: AuditEntry): JsonObject =>
  ({ sig: sig ?? null, signed: signed ?? null }) as JsonObject

/** A controller's name in `devices`. */
export const nameOf = ({ site, controller }: Pick<AuditEntry, 'site' | 'controller'>): string =>
  `${site ?? '?'}/${controller ?? '?'}`

function deviceOf(so: Origins, entry: AuditEntry): Device {
  const known = so.devices.get(nameOf(entry)) ?? { key: null, place: NOTHING_TOLD }
  so.devices.set(nameOf(entry), known)
  return known
}

/** A device that was replaced begins anew: it has another key. */
function register(so: Origins, entry: AuditEntry): void {
  const { reportKey } = entry.detail
  const key = typeof reportKey === 'string' ? fromBase64(reportKey) : null
  const device = deviceOf(so, entry)
  if (device.key !== null && key !== null && sameBytes(device.key, key)) return
  device.key = key
  device.place = NOTHING_TOLD
}

function takeReport(so: Origins, entry: AuditEntry, index: number): Refusal[] {
  const { decisions } = entry.detail
  if (typeof decisions !== 'number') return []
  const device = deviceOf(so, entry)
  const { place, withheld } = judgeAttested(device.place, decisions)
  device.place = place
  return judgeBreaks(so, entry, index, withheld === null ? [] : [withheld])
}

function takeHistory(crypto: Crypto, so: Origins, entry: AuditEntry, index: number): Refusal[] {
  const subject = `entry ${index}`
  const document = claimedHistory(canonicalJson(statementOf(entry)))
  if (document === null) return [refuse('history-malformed', subject, 'a stretch of history', 'something else')]
  const { signed, signature } = document
  if (signed.site !== entry.site || signed.controller !== entry.controller) {
    return [refuse('history-wrong-controller', subject, nameOf(entry), nameOf(signed))]
  }
  const device = deviceOf(so, entry)
  const faults: Refusal[] = []
  if (so.signatures) {
    const message = canonicalJson(signed as unknown as JsonObject)
    const key = device.key === null ? null : ({ alg: 'ecdsa-p256', spki: device.key } as const)
    if (key === null || !crypto.verify(key, message, signature, 'der')) {
      const actual = key === null ? 'no key' : 'one that does not hold'
      faults.push(
        refuse('history-signature-invalid', subject, 'a signature by the key that the log registered', actual),
      )
    }
  }
  const judged = judgeHistory(device.place, signed, crypto)
  if (isRefusal(judged)) return [...faults, { ...judged, subject: `${subject}: ${judged.subject}` }]
  device.place = judged.place
  mend(so, entry, judged.place.told)
  return [...faults, ...judgeBreaks(so, entry, index, judged.breaks)]
}

/** An entry says all that breaks with it, and nothing else. */
function judgeBreaks(
  so: Origins,
  entry: AuditEntry,
  index: number,
  breaks: readonly { readonly code: BreakCode; readonly from: number; readonly to: number }[],
): Refusal[] {
  const said = canonicalJson(entry.detail.breaks ?? [])
  for (const one of breaks) {
    keep(so, { site: entry.site as string, controller: entry.controller as string, ...one, entry: index })
  }
  if (sameBytes(said, canonicalJson(breaks as unknown as JsonObject[]))) return []
  const words = breaks.map(({ code, from, to }) => `${code} ${from} to ${to}`).join(', ')
  return [refuse('log-break-unsaid', `entry ${index}`, words === '' ? 'no break' : words, 'another list of breaks')]
}

function keep(so: Origins, one: SequenceBreak): void {
  if (so.breaks.length < MAX_BREAKS) so.breaks.push(one)
  else so.moreBreaks += 1
}

/** What was held back has come after all. */
function mend(so: Origins, { site, controller }: AuditEntry, told: number): void {
  const late = so.breaks.findLastIndex(
    one => one.code === 'history-withheld' && one.site === site && one.controller === controller && one.to <= told,
  )
  if (late >= 0) so.breaks.splice(late, 1)
}

/** The heads that gateways' logs have come to, by gateway: a gateway can hold them against its own. */
export const headsOf = ({ gateways }: Origins): Record<string, { sequence: number; head: string }> =>
  Object.fromEntries([...gateways].map(([site, { sequence, head }]) => [site, { sequence, head: toHex(head) }]))
