import { fromHex, sameBytes } from '../encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { type AuditEntry, type EntryOrigin, withoutOrigin } from './entry.ts'
import { type GatewayPlace, keep, type Origins } from './origins.ts'
import { firstHead, itemDigest, nextHead } from './site-chain.ts'

const gatewayOf = (so: Origins, gateway: string): GatewayPlace =>
  so.gateways.get(gateway) ?? { sequence: 0, head: firstHead(), known: 0 }

/**
 * Whether a gateway's sequence can go on with the number `from`. Its numbers only ever rise: right behind the last one always; further on only where
 * entries were passed over since, and the numbers between are then not judged.
 */
function goesOn(so: Origins, gateway: string, from: number, index: number): boolean {
  const { sequence, known } = gatewayOf(so, gateway)
  if (from === sequence + 1) return true
  if (from <= sequence || known === so.passed.count) return false
  so.passed.takenUp({ site: gateway, controller: null }, index, { from: sequence + 1, to: from - 1 })
  return true
}

/** An entry with a number of a gateway's own log: it follows the one before it, or says what was lost. */
export function takeGateway(
  crypto: Crypto,
  so: Origins,
  entry: AuditEntry,
  origin: EntryOrigin,
  index: number,
): Refusal[] {
  const subject = `entry ${index}`
  const { gateway, sequence, kind } = origin
  const before = gatewayOf(so, gateway)
  if (sequence <= before.sequence) {
    return [refuse('log-origin-repeated', subject, `${gateway} above ${before.sequence}`, `${gateway} ${sequence}`)]
  }
  const head = fromHex(origin.head) as Uint8Array
  const from = before.sequence + 1
  if (kind === 'lost') {
    // What a gateway says itself that it lost: nobody can check the head in front of which it goes on.
    const lost = entry.kind === 'site-log-lost' && entry.detail.to === sequence ? entry.detail.from : null
    const said = typeof lost === 'number' && lost <= sequence && goesOn(so, gateway, lost, index)
    so.gateways.set(gateway, { sequence, head, known: so.passed.count })
    if (!said) return [refuse('log-break-unsaid', subject, `${from} to ${sequence} said lost`, 'another range')]
    keep(so, { site: gateway, controller: null, code: 'upstream-lost', from: lost, to: sequence, entry: index })
    return []
  }
  const follows = goesOn(so, gateway, sequence, index)
  so.gateways.set(gateway, { sequence, head, known: so.passed.count })
  if (!follows) {
    return [refuse('log-origin-gap', subject, `${gateway} ${from}`, `${gateway} ${sequence}`)]
  }
  const item = fromHex(origin.item) as Uint8Array
  const own = itemOf(crypto, entry, kind)
  // Behind numbers that were passed over nobody knows the head in front of it.
  const isNext = sequence > from || sameBytes(nextHead(crypto, before.head, sequence, item), head)
  return isNext && (own === null || own.some(digest => sameBytes(digest, item)))
    ? []
    : [refuse('log-origin-forked', subject, `the item that ${gateway} signed`, 'another one')]
}

/**
 * What the fleet says that it lost of a site, when it was restored from an older copy: the log is then whole without it, and goes on
 * behind the head that the gateway signed there.
 */
export function takeForgotten(so: Origins, { site, detail: { lost } }: AuditEntry, index: number): void {
  const { from, to, head } = Object(lost) as { from?: unknown; to?: unknown; head?: unknown }
  const behind = typeof head === 'string' ? fromHex(head) : null
  if (site === undefined || behind === null || !Number.isSafeInteger(from) || !Number.isSafeInteger(to)) return
  // A range of nothing would put another head in the place of the one that is known.
  if ((to as number) < (from as number) || !goesOn(so, site, from as number, index)) return
  so.gateways.set(site, { sequence: to as number, head: behind, known: so.passed.count })
  keep(so, { site, controller: null, code: 'upstream-forgotten', from: from as number, to: to as number, entry: index })
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

/** The signed statement that an entry holds, as it was signed. */
export const statementOf = ({ detail: { sig, signed } }: AuditEntry): JsonObject =>
  ({ sig: sig ?? null, signed: signed ?? null }) as JsonObject
