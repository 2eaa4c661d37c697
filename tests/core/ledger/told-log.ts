import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { concat, sameBytes, toBase64, toHex } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import type { Crypto } from '../../../src/core/encoding/crypto.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { type HistoryBreak, judgeAttested, judgeHistory, NOTHING_TOLD } from '../../../src/core/ledger/device-place.ts'
import { type AuditEntry, type EntryOrigin, entryBytes } from '../../../src/core/ledger/entry.ts'
import { firstHead, itemDigest, nextHead } from '../../../src/core/ledger/site-chain.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import {
  type DeviceDecision,
  type DeviceHistory,
  decisionDigest,
  historyBytes,
} from '../../../src/core/trust/device-history.ts'

/**
 * A log of what sites told, made by a script: each step does something that gateways and controllers do, the honest and the odd, and the log says
 * what breaks as the fleet does.
 */

/** As the real one, with a keyed hash in place of the signatures of devices: thousands of them are made and verified. */
export const crypto: Crypto = {
  ...nodeCrypto,
  verify: (key, message, signature) => sameBytes(signature, sealOf(key.spki, message)),
}
const sealOf = (key: Uint8Array, message: Uint8Array): Uint8Array => nodeCrypto.sha256(concat(key, message))

export const STEPS = [
  'own',
  'tell',
  'tell',
  'tell-later',
  'ring-lost',
  'skip',
  'again',
  'rewrite',
  'restart',
  'report',
  'report',
  'replace',
  'register',
  'lose',
  'forget',
] as const
export type Step = {
  readonly what: (typeof STEPS)[number]
  readonly site: number
  readonly device: number
  readonly n: number
}

type Device = {
  key: Uint8Array
  from: number
  ring: DeviceDecision[]
  statements: number
  place: typeof NOTHING_TOLD
  life: number
}

class Site {
  readonly name: string
  readonly entries: AuditEntry[]
  sequence = 0
  head = firstHead()
  readonly devices: Device[] = []

  constructor(name: string, entries: AuditEntry[]) {
    this.name = name
    this.entries = entries
  }

  plain(kind: AuditEntry['kind'], detail: JsonObject, device?: number): AuditEntry {
    const who = device === undefined ? {} : { controller: `c${device}` }
    const at = instant(1_790_000_000_000 + this.entries.length)
    return {
      v: 1,
      kind,
      at,
      clock: 'simulated',
      actor: { kind: 'gateway', id: this.name },
      site: this.name,
      ...who,
      detail,
    }
  }

  /** An entry in its place in the gateway's own log. */
  put(entry: AuditEntry, kind: EntryOrigin['kind']): void {
    const { sig = null, signed = null } = entry.detail
    const item = itemDigest(
      crypto,
      kind,
      kind === 'history' ? canonicalJson({ sig, signed }) : orThrow(entryBytes(entry)),
    )
    this.sequence += 1
    this.head = nextHead(crypto, this.head, this.sequence, item)
    const origin = { gateway: this.name, sequence: this.sequence, kind, item: toHex(item), head: toHex(this.head) }
    this.entries.push({ ...entry, origin })
  }

  deviceOf(number: number): Device {
    const known = this.devices[number]
    if (known !== undefined) return known
    const key = crypto.sha256(new TextEncoder().encode(`${this.name} ${number}`))
    const device = { key, from: 1, ring: [], statements: 0, place: NOTHING_TOLD, life: 0 }
    this.devices[number] = device
    this.register(number)
    return device
  }

  register(number: number): void {
    const { key } = this.devices[number] as Device
    this.entries.push(this.plain('controller-registered', { reportKey: toBase64(key) }, number))
  }

  /** A device decides so many times. */
  decide(device: Device, n: number): void {
    for (let at = 0; at < n; at += 1) {
      const decision = device.ring.length + 1
      const [event, phase, reset, slot, version] = ['boot', 'boot', 'power-loss', 'a', `1.0.${device.life}`]
      device.ring.push({ decision, at: 0, event, phase, reset, slot, sequence: 1, version, digest: '', cause: '' })
    }
  }

  /** A device tells its decisions from a number on; `lost`: its ring has lost them all. */
  tell(number: number, from: number, lost = false): void {
    const device = this.devices[number] as Device
    const { ring, key } = device
    const to = ring.length
    if (from > to) return
    device.statements += 1
    const before = ring[from - 2]
    const history: DeviceHistory = {
      kind: 'voltseal-history',
      v: 1,
      site: this.name,
      controller: `c${number}`,
      sequence: device.statements,
      at: instant(0),
      from,
      to,
      decisions: lost ? [] : ring.slice(from - 1),
      lost: lost ? [{ from, to }] : [],
      ...(before === undefined || lost ? {} : { before: decisionDigest(crypto, before) }),
    }
    const { place, breaks } = orThrow(judgeHistory(device.place, history, crypto))
    device.place = place
    const sig = toHex(sealOf(key, orThrow(historyBytes(history))))
    this.put(
      this.plain('device-history', { ...said(breaks), sig, signed: history as unknown as JsonObject }, number),
      'history',
    )
  }

  report(number: number): void {
    const device = this.devices[number] as Device
    const { place, withheld } = judgeAttested(device.place, device.ring.length)
    device.place = place
    const detail = { decisions: device.ring.length, ...said(withheld === null ? [] : [withheld]) }
    this.put(this.plain('controller-report', detail, number), 'report')
  }

  step({ what, device: number, n }: Step): void {
    const device = this.deviceOf(number)
    const { told } = device.place
    if (what === 'own') this.put(this.plain('download-finished', { n }), 'entry')
    if (what === 'tell' || what === 'ring-lost') {
      this.decide(device, n)
      this.tell(number, told + 1, what === 'ring-lost')
    }
    if (what === 'tell-later') this.decide(device, n)
    if (what === 'skip') {
      this.decide(device, n + 1)
      this.tell(number, told + 1 + n)
    }
    if (what === 'again') this.tell(number, Math.max(1, told - n))
    if (what === 'rewrite') {
      device.life += 1
      device.ring = device.ring.map(one => ({ ...one, version: `1.0.${device.life}` }))
      this.decide(device, 1)
      this.tell(number, n % 2 === 0 ? told + 1 : Math.max(1, told))
    }
    if (what === 'restart') {
      device.life += 1
      device.ring = []
      this.decide(device, n)
      this.tell(number, 1)
    }
    if (what === 'report') this.report(number)
    if (what === 'register') this.register(number)
    if (what === 'replace') {
      const key = crypto.sha256(device.key)
      this.devices[number] = { key, from: 1, ring: [], statements: 0, place: NOTHING_TOLD, life: 0 }
      this.register(number)
    }
    if (what === 'lose') {
      const from = this.sequence + 1
      this.sequence += n
      this.head = crypto.sha256(this.head)
      const origin = {
        gateway: this.name,
        sequence: this.sequence,
        kind: 'lost' as const,
        item: '00'.repeat(32),
        head: toHex(this.head),
      }
      this.entries.push({ ...this.plain('site-log-lost', { from, to: this.sequence }), origin })
    }
    if (what === 'forget') {
      const from = this.sequence + 1
      this.sequence += n
      this.head = crypto.sha256(this.head)
      this.entries.push(this.plain('store-restored', { lost: { from, to: this.sequence, head: toHex(this.head) } }))
    }
  }
}

const said = (breaks: readonly HistoryBreak[]): JsonObject =>
  breaks.length === 0 ? {} : { breaks: breaks.map(({ code, from, to }) => ({ code, from, to })) }

/** The entries that a script of steps leaves in the log. */
export function toldLog(steps: readonly Step[]): AuditEntry[] {
  const entries: AuditEntry[] = []
  const sites = ['quay', 'north'].map(name => new Site(name, entries))
  for (const step of steps) (sites[step.site] as Site).step(step)
  return entries
}
