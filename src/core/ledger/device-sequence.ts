import { fromBase64, sameBytes } from '../encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { claimedHistory, type DeviceHistory } from '../trust/device-history.ts'
import { type BreakCode, type DevicePlace, judgeAttested, judgeHistory, NOTHING_TOLD } from './device-place.ts'
import type { AuditEntry } from './entry.ts'
import { statementOf } from './gateway-sequence.ts'
import { type Device, keep, knownDevice, nameOf, type Origins, type SequenceBreak, since } from './origins.ts'
import { placeInFront, saidBreaks } from './taken-up.ts'

function deviceOf(so: Origins, entry: AuditEntry): Device {
  const known = so.devices.get(nameOf(entry)) ?? knownDevice(null, NOTHING_TOLD)
  so.devices.set(nameOf(entry), known)
  return known
}

/** A device that was replaced begins anew: it has another key. */
export function register(so: Origins, entry: AuditEntry): void {
  const { reportKey } = entry.detail
  const key = typeof reportKey === 'string' ? fromBase64(reportKey) : null
  const device = deviceOf(so, entry)
  const { count } = so.passed
  const isSure = device.known.key === count
  device.known.key = count
  if (device.key !== null && key !== null && sameBytes(device.key, key)) return
  device.key = key
  device.place = NOTHING_TOLD
  // It may have been registered with this key in what was passed over, and have told of itself since.
  device.known = isSure ? since(count) : { ...since(UNKNOWN), key: count }
}

/** Stretches that had been passed over when something was known last: it never was. */
const UNKNOWN = -1

/** What a report attests: decisions that were told by then, or are said to be withheld. */
export function takeReport(so: Origins, entry: AuditEntry, index: number): Refusal[] {
  const { decisions } = entry.detail
  if (typeof decisions !== 'number') return []
  const device = deviceOf(so, entry)
  const { place, known } = device
  const { count } = so.passed
  const [toldSure, attestedSure, missedSure] = [known.told, known.attested, known.missed].map(one => one === count)
  known.attested = count
  if (toldSure && attestedSure && missedSure) {
    const judged = judgeAttested(place, decisions)
    device.place = judged.place
    return judgeBreaks(so, entry, index, judged.withheld === null ? [] : [judged.withheld])
  }
  // What is not certain is as the entry says; where it says nothing, that is kept unless what is certain excludes that there was anything.
  const least = { told: toldSure ? place.told : 0, missed: missedSure ? place.missed : 0 }
  const [said] = saidBreaks(entry.detail.breaks)
  const front: DevicePlace =
    said?.code === 'history-withheld'
      ? {
          ...place,
          attested: attestedSure ? place.attested : said.to,
          told: toldSure ? place.told : said.from - 1,
          missed: missedSure ? place.missed : said.from - 1,
        }
      : { ...place, ...least, attested: 0 }
  const { withheld } = judgeAttested(front, decisions)
  const isSilent = withheld === null
  // Only where nothing can have been held back its silence is more than its own word.
  const isCertain = isSilent && attestedSure && place.attested <= Math.max(least.told, least.missed)
  if (!isCertain) so.passed.doubts(whose(entry))
  device.place = { ...place, attested: decisions, missed: isSilent ? place.missed : front.attested }
  if (!isSilent) known.missed = count
  return judgeBreaks(so, entry, index, isSilent ? [] : [withheld])
}

/** A stretch of a controller's history: signed by its key, and going on where the last one ended or saying where not. */
export function takeHistory(crypto: Crypto, so: Origins, entry: AuditEntry, index: number): Refusal[] {
  const subject = `entry ${index}`
  const document = claimedHistory(canonicalJson(statementOf(entry)))
  if (document === null) return [refuse('history-malformed', subject, 'a stretch of history', 'something else')]
  const { signed, signature } = document
  if (signed.site !== entry.site || signed.controller !== entry.controller) {
    return [refuse('history-wrong-controller', subject, nameOf(entry), nameOf(signed))]
  }
  const device = deviceOf(so, entry)
  const { known } = device
  const { count } = so.passed
  const faults: Refusal[] = []
  if (so.signatures) {
    const message = canonicalJson(signed as unknown as JsonObject)
    const key = device.key === null ? null : ({ alg: 'ecdsa-p256', spki: device.key } as const)
    if (key !== null && crypto.verify(key, message, signature, 'der')) known.key = count
    // Another key may have been registered in what was passed over.
    else if (known.key !== count) so.passed.doubts(whose(entry))
    else {
      const actual = key === null ? 'no key' : 'one that does not hold'
      faults.push(
        refuse('history-signature-invalid', subject, 'a signature by the key that the log registered', actual),
      )
    }
  }
  const isSure = known.told === count
  const front = isSure ? device.place : inFront(so, device, signed, entry)
  const judged = judgeHistory(front, signed, crypto)
  if (isRefusal(judged)) return [...faults, { ...judged, subject: `${subject}: ${judged.subject}` }]
  if (!isSure) takenUp(so, device, signed, front, entry, index)
  device.place = judged.place
  known.told = count
  if (judged.breaks[0]?.code === 'history-restarted') device.known = { ...since(count), key: known.key }
  mend(so, entry, judged.place.told)
  return [...faults, ...judgeBreaks(so, entry, index, judged.breaks)]
}

/** The place in front of a stretch of history when it is not known. A statement of before is none behind, if the key is the same. */
function inFront(so: Origins, { place, known }: Device, told: DeviceHistory, entry: AuditEntry): DevicePlace {
  const sequence = known.key === so.passed.count ? place.sequence : 0
  const front = placeInFront(told, saidBreaks(entry.detail.breaks), sequence)
  return { ...front, attested: place.attested, missed: place.missed }
}

/** Keeps what is not judged of a history that is taken up at an entry: nothing, if the digest of the decision in front of it is the one that is known. */
function takenUp(
  so: Origins,
  { place, known }: Device,
  told: DeviceHistory,
  front: DevicePlace,
  entry: AuditEntry,
  index: number,
): void {
  const isSameKey = known.key === so.passed.count
  const isNext = isSameKey && front.told === place.told && place.digest !== '' && told.before === place.digest
  if (!isNext) so.passed.takenUp(whose(entry), index, { from: place.told + 1, to: front.told })
}

const whose = ({ site, controller }: AuditEntry): { site: string; controller: string } => ({
  site: site ?? '?',
  controller: controller ?? '?',
})

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

/** What was held back has come after all: all of it up to there. */
function mend(so: Origins, { site, controller }: AuditEntry, told: number): void {
  const isMended = (one: SequenceBreak): boolean =>
    one.code === 'history-withheld' && one.site === site && one.controller === controller && one.to <= told
  if (!so.breaks.some(isMended)) return
  so.breaks.splice(0, so.breaks.length, ...so.breaks.filter(one => !isMended(one)))
}
