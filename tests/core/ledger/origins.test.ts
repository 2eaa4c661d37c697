import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { fromUtf8, toBase64, toHex } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { breakRefusal } from '../../../src/core/ledger/break-words.ts'
import { type AuditEntry, type EntryOrigin, withoutOrigin } from '../../../src/core/ledger/entry.ts'
import { noOrigins } from '../../../src/core/ledger/origins.ts'
import { firstHead, itemDigest, nextHead } from '../../../src/core/ledger/site-chain.ts'
import { takeOrigin } from '../../../src/core/ledger/take-origin.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { sentence } from '../../../src/core/refusal/sentence.ts'
import { type DeviceHistory, historyBytes, sealHistory } from '../../../src/core/trust/device-history.ts'
import { keyOf, signWith } from '../trust/simulated-repository.ts'

const device = keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'ecdsa-p256')
const stranger = keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'ecdsa-p256')

const plain = (kind: AuditEntry['kind'], detail: JsonObject, about: Partial<AuditEntry> = {}): AuditEntry => ({
  v: 1,
  kind,
  at: instant(1_790_000_000_000),
  clock: 'simulated',
  actor: { kind: 'gateway', id: 'quay' },
  site: 'quay',
  detail,
  ...about,
})

/** A gateway's log as the fleet takes it in: each entry with its place in the chain. */
class Chain {
  #head = firstHead()
  #sequence = 0
  put(entry: AuditEntry, kind: EntryOrigin['kind'] = 'entry'): AuditEntry {
    const { sig = null, signed = null } = entry.detail
    const body = kind === 'history' ? canonicalJson({ sig, signed }) : canonicalJson(entry as unknown as JsonObject)
    const item = itemDigest(crypto, kind, body)
    this.#sequence += 1
    this.#head = nextHead(crypto, this.#head, this.#sequence, item)
    const origin = { gateway: 'quay', sequence: this.#sequence, kind, item: toHex(item), head: toHex(this.#head) }
    return { ...entry, origin }
  }
}

const done = (number: number): AuditEntry => plain('download-finished', { number })
const registered = plain('controller-registered', { reportKey: toBase64(device.key.spki) }, { controller: 'c0' })

let statements = 0
function told(
  from: number,
  to: number,
  breaks: JsonObject[] = [],
  by = device,
  change: Partial<DeviceHistory> = {},
): AuditEntry {
  statements += 1
  const history: DeviceHistory = {
    kind: 'voltseal-history',
    v: 1,
    site: 'quay',
    controller: 'c0',
    sequence: statements,
    at: instant(0),
    from,
    to,
    decisions: [],
    lost: [{ from, to }],
    ...change,
  }
  const bytes = sealHistory(history, signWith(by, orThrow(historyBytes(history))))
  const { sig, signed } = JSON.parse(fromUtf8(bytes) as string) as JsonObject
  const said: JsonObject = breaks.length === 0 ? {} : { breaks }
  return plain('device-history', { ...said, sig: sig as string, signed: signed as JsonObject }, { controller: 'c0' })
}
const lost = (from: number, to: number) => ({ code: 'history-lost', from, to })

function verify(entries: readonly AuditEntry[]): { findings: string[]; breaks: string[] } {
  const so = noOrigins(true)
  const findings = entries.flatMap((entry, index) => takeOrigin(crypto, so, entry, index)).map(({ code }) => code)
  // Each of them can be told to people.
  for (const one of so.breaks) assert.ok(sentence(breakRefusal(one)).length > 0)
  return { findings, breaks: so.breaks.map(({ code, from, to, entry }) => `${code} ${from}-${to} in ${entry}`) }
}

describe('what a log says of where it comes from', () => {
  const chain = () => new Chain()
  const rows: [name: string, entries: () => AuditEntry[], findings: string[], breaks: string[]][] = [
    ['a gateway’s entries in their order', () => [done(1), done(2), done(3)].map(one => log.put(one)), [], []],
    [
      'attack: one of them was changed on its way into the log',
      () => [log.put(done(1)), { ...log.put(done(2)), detail: { number: 9 } }, log.put(done(3))],
      ['log-origin-forked'],
      [],
    ],
    [
      'attack: one of them was left out',
      () => [log.put(done(1)), log.put(done(2)), log.put(done(3))].toSpliced(1, 1),
      ['log-origin-gap'],
      [],
    ],
    [
      'attack: one of them was left out, and the others numbered anew',
      () => {
        const [one, , three] = [log.put(done(1)), log.put(done(2)), log.put(done(3))] as [
          AuditEntry,
          AuditEntry,
          AuditEntry,
        ]
        return [one, { ...three, origin: { ...(three.origin as EntryOrigin), sequence: 2 } }]
      },
      ['log-origin-forked'],
      [],
    ],
    [
      'attack: two of them were reordered',
      () => {
        const [one, two, three] = [log.put(done(1)), log.put(done(2)), log.put(done(3))] as [
          AuditEntry,
          AuditEntry,
          AuditEntry,
        ]
        return [one, three, two]
      },
      ['log-origin-gap', 'log-origin-repeated'],
      [],
    ],
    [
      'what a gateway lost, and says',
      () => [plain('site-log-lost', { from: 1, to: 4 }, { origin: lostOrigin(4) })],
      [],
      ['upstream-lost 1-4 in 0'],
    ],
    [
      'attack: more is missing than is said to be lost',
      () => [plain('site-log-lost', { from: 3, to: 4 }, { origin: lostOrigin(4) })],
      ['log-break-unsaid'],
      [],
    ],
    [
      'what a fleet lost that was restored, and the log goes on behind it',
      () => {
        const [, two, three] = [log.put(done(1)), log.put(done(2)), log.put(done(3))] as [
          AuditEntry,
          AuditEntry,
          AuditEntry,
        ]
        const { head } = two.origin as EntryOrigin
        return [
          plain('store-restored', { lost: { from: 1, to: 2, head } }, { actor: { kind: 'fleet', id: 'f' } }),
          three,
        ]
      },
      [],
      ['upstream-forgotten 1-2 in 0'],
    ],
    [
      'attack: something else goes on behind what a fleet lost',
      () => {
        const [, , three] = [log.put(done(1)), log.put(done(2)), log.put(done(3))] as [
          AuditEntry,
          AuditEntry,
          AuditEntry,
        ]
        const head = '00'.repeat(32)
        return [
          plain('store-restored', { lost: { from: 1, to: 2, head } }, { actor: { kind: 'fleet', id: 'f' } }),
          three,
        ]
      },
      ['log-origin-forked'],
      ['upstream-forgotten 1-2 in 0'],
    ],
    [
      'a history with what its ring has lost',
      () => [registered, log.put(told(1, 3, [lost(1, 3)]), 'history'), log.put(told(4, 6, [lost(4, 6)]), 'history')],
      [],
      ['history-lost 1-3 in 1', 'history-lost 4-6 in 2'],
    ],
    [
      'attack: a gap in a history that the log passes over in silence',
      () => [registered, log.put(told(1, 3, [lost(1, 3)]), 'history'), log.put(told(6, 6, [lost(6, 6)]), 'history')],
      ['log-break-unsaid'],
      ['history-lost 1-3 in 1', 'history-gap 4-5 in 2', 'history-lost 6-6 in 2'],
    ],
    [
      'attack: a break that is said, and is none',
      () => [registered, log.put(told(1, 3, [{ code: 'history-gap', from: 1, to: 1 }, lost(1, 3)]), 'history')],
      ['log-break-unsaid'],
      ['history-lost 1-3 in 1'],
    ],
    [
      'attack: a history that the controller has not signed',
      () => [registered, log.put(told(1, 3, [lost(1, 3)], stranger), 'history')],
      ['history-signature-invalid'],
      ['history-lost 1-3 in 1'],
    ],
    [
      'attack: a history of a controller that nobody registered',
      () => [log.put(told(1, 3, [lost(1, 3)]), 'history')],
      ['history-signature-invalid'],
      ['history-lost 1-3 in 0'],
    ],
    [
      'attack: the history of one controller in the entry of another',
      () => [registered, log.put({ ...told(1, 3, [lost(1, 3)]), controller: 'c1' }, 'history')],
      ['history-wrong-controller'],
      [],
    ],
    [
      'attack: a statement that stands in the log twice',
      () => {
        const one = told(1, 3, [lost(1, 3)])
        return [registered, log.put(one, 'history'), log.put(one, 'history')]
      },
      ['history-replayed'],
      ['history-lost 1-3 in 1'],
    ],
    [
      'attack: reports that attest more than was told, and the log does not say so',
      () => [registered, ...[3, 4].map(decisions => plain('controller-report', { decisions }, { controller: 'c0' }))],
      ['log-break-unsaid'],
      ['history-withheld 1-3 in 2'],
    ],
    [
      'what was held back and came after all is no break any more',
      () => [
        registered,
        plain('controller-report', { decisions: 3 }, { controller: 'c0' }),
        plain(
          'controller-report',
          { decisions: 3, breaks: [{ code: 'history-withheld', from: 1, to: 3 }] },
          { controller: 'c0' },
        ),
        log.put(told(1, 3, [lost(1, 3)]), 'history'),
      ],
      [],
      ['history-lost 1-3 in 3'],
    ],
  ]
  let log = chain()
  for (const [name, entries, findings, breaks] of rows) {
    it(name, () => {
      log = chain()
      assert.deepEqual(verify(entries()), { findings, breaks })
    })
  }

  it('an entry without its origin is what the gateway wrote', () => {
    assert.deepEqual(withoutOrigin(chain().put(done(1))), done(1))
  })
})

const lostOrigin = (sequence: number): EntryOrigin => ({
  gateway: 'quay',
  sequence,
  kind: 'lost',
  item: '00'.repeat(32),
  head: 'ab'.repeat(32),
})
