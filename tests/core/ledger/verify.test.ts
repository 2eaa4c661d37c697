import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { toHex } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { checkpointText } from '../../../src/core/ledger/checkpoint.ts'
import { type AuditEntry, entryBytes, withOrigin } from '../../../src/core/ledger/entry.ts'
import { leafHash, rootOfLeaves } from '../../../src/core/ledger/merkle.ts'
import { firstHead, itemDigest, nextHead } from '../../../src/core/ledger/site-chain.ts'
import {
  beginVerification,
  endVerification,
  type LogVerdict,
  MAX_FINDINGS,
  type StoredEntry,
  takeEntry,
  takeLeaf,
  verifyLog,
} from '../../../src/core/ledger/verify.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { logKey, ORIGIN, signedBy, testLogKey } from './keys.ts'

const KEY = logKey(1)

const plainEntry = (number: number): AuditEntry => ({
  v: 1,
  kind: 'download-finished',
  at: instant(1_790_000_000_000 + number),
  clock: 'simulated',
  actor: { kind: 'gateway', id: 'harbour-gateway' },
  site: 'harbour',
  detail: { number },
})

const GATEWAY = 'harbour-gateway'
/** The heads of the gateway's own log behind its first entries. */
const HEADS: Uint8Array[] = [firstHead()]

const entry = (number: number, sequence?: number, plain: AuditEntry = plainEntry(number)): Uint8Array => {
  if (sequence === undefined) return orThrow(entryBytes(plain))
  const item = itemDigest(crypto, 'entry', orThrow(entryBytes(plain)))
  const head = nextHead(crypto, HEADS[sequence - 1] ?? firstHead(), sequence, item)
  HEADS[sequence] ??= head
  return orThrow(
    entryBytes(withOrigin(plain, { gateway: GATEWAY, sequence, kind: 'entry', item: toHex(item), head: toHex(head) })),
  )
}

function checkpointOf(entries: readonly Uint8Array[], seed = 1): string {
  const leaves = entries.map(bytes => leafHash(crypto, bytes))
  const root = rootOfLeaves(crypto, leaves)
  return signedBy(testLogKey(seed), checkpointText({ origin: ORIGIN, size: entries.length, root, extensions: [] }))
}

const stored = (entries: readonly Uint8Array[]): StoredEntry[] =>
  entries.map(bytes => ({ bytes, leaf: leafHash(crypto, bytes) }))
const codes = (verdict: LogVerdict): string[] => verdict.findings.map(finding => finding.code)
const LOG = Array.from({ length: 9 }, (_, number) => entry(number, number + 1))
const SIGNED = checkpointOf(LOG)

describe('verifying a log', () => {
  test('a whole log is sound', () => {
    const verdict = verifyLog(crypto, stored(LOG), SIGNED, KEY)
    assert.deepEqual(codes(verdict), [])
    assert(verdict.sound)
    assert.equal(verdict.size, 9)
    assert.deepEqual(verdict.origins, { [GATEWAY]: { sequence: 9, head: toHex(HEADS[9] as Uint8Array) } })
    assert.equal(verdict.checkpoint?.size, 9)
  })

  test('behind an entry that is not at hand what sites told is judged again, and what is not is said', () => {
    const part = (entries: readonly Uint8Array[], signed: string): LogVerdict => {
      let so = takeEntry(crypto, beginVerification(crypto), { bytes: entries[0] as Uint8Array })
      so = takeLeaf(crypto, so, leafHash(crypto, entries[1] as Uint8Array))
      for (const bytes of entries.slice(2)) so = takeEntry(crypto, so, { bytes })
      return endVerification(crypto, so, signed, KEY)
    }
    const { sound, sitesJudged, passedOver, unjudged, origins } = part(LOG, SIGNED)
    assert.deepEqual([sound, sitesJudged], [true, false])
    assert.deepEqual(passedOver, { entries: 1, stretches: [{ from: 1, to: 1 }], more: 0 })
    const numbers = { count: 1, from: 2, to: 2 }
    assert.deepEqual(unjudged, [{ site: GATEWAY, controller: null, again: 2, numbers, doubtful: 0 }])
    assert.deepEqual(origins, { [GATEWAY]: { sequence: 9, head: toHex(HEADS[9] as Uint8Array) } })
    const whole = verifyLog(crypto, stored(LOG), SIGNED, KEY)
    assert.deepEqual([whole.sitesJudged, whole.passedOver.entries, whole.unjudged], [true, 0, []])
    // Attack: an entry taken out behind it.
    const without = LOG.toSpliced(5, 1)
    assert.deepEqual(codes(part(without, checkpointOf(without))), ['log-origin-gap'])
  })

  test('an empty log is sound', () => {
    assert(verifyLog(crypto, [], checkpointOf([]), KEY).sound)
  })

  test('attack: an entry altered at any place', () => {
    fc.assert(
      fc.property(
        fc.nat(8),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (victim, place, change, leafToo) => {
          const altered = LOG.map((bytes, index) =>
            index === victim ? bytes.map((byte, at) => (at === place % bytes.length ? byte ^ change : byte)) : bytes,
          )
          const entries = leafToo
            ? stored(altered)
            : altered.map((bytes, index) => ({ bytes, leaf: leafHash(crypto, LOG[index] as Uint8Array) }))
          const found = codes(verifyLog(crypto, entries, SIGNED, KEY))
          assert(found.includes('log-root-mismatch'))
          assert.equal(found.includes('log-entry-altered'), !leafToo)
        },
      ),
    )
  })

  test('attack: entries in another order', () => {
    for (let index = 1; index < LOG.length; index += 1) {
      const swapped = LOG.with(index, LOG[index - 1] as Uint8Array).with(index - 1, LOG[index] as Uint8Array)
      const found = codes(verifyLog(crypto, stored(swapped), SIGNED, KEY))
      assert(found.includes('log-root-mismatch') && found.includes('log-origin-repeated'))
    }
  })

  test('attack: a truncated log', () => {
    for (let length = 0; length < LOG.length; length += 1) {
      assert.deepEqual(codes(verifyLog(crypto, stored(LOG.slice(0, length)), SIGNED, KEY)), ['log-truncated'])
    }
  })

  test('attack: an entry taken out of the middle, and the rest sealed again by a thief of the log key', () => {
    const without = LOG.toSpliced(4, 1)
    assert.deepEqual(codes(verifyLog(crypto, stored(without), checkpointOf(without), KEY)), ['log-origin-gap'])
  })

  test('attack: a rewritten log under a good signature does not continue what a witness saw', () => {
    const seen = {
      size: 5,
      root: rootOfLeaves(
        crypto,
        LOG.slice(0, 5).map(bytes => leafHash(crypto, bytes)),
      ),
    }
    assert(verifyLog(crypto, stored(LOG), SIGNED, KEY, seen).sound)
    const rewritten = LOG.with(2, entry(77, 3))
    const found = codes(verifyLog(crypto, stored(rewritten), checkpointOf(rewritten), KEY, seen))
    assert.deepEqual(found, ['log-origin-forked', 'log-forked'])
    const rolledBack = LOG.slice(0, 4)
    assert.deepEqual(codes(verifyLog(crypto, stored(rolledBack), checkpointOf(rolledBack), KEY, seen)), ['log-forked'])
    const empty = { size: 0, root: seen.root }
    assert.deepEqual(codes(verifyLog(crypto, stored(LOG), SIGNED, KEY, empty)), ['log-forked'])
  })

  test('attack: entries that no checkpoint covers', () => {
    assert.deepEqual(codes(verifyLog(crypto, stored([...LOG, entry(10)]), SIGNED, KEY)), ['log-overlong'])
  })

  test('attack: a checkpoint of another key', () => {
    assert.deepEqual(codes(verifyLog(crypto, stored(LOG), checkpointOf(LOG, 2), KEY)), ['checkpoint-key-unknown'])
  })

  test('an entry of a gateway that comes twice is found', () => {
    const twice = [...LOG, entry(9, 9)]
    assert.deepEqual(codes(verifyLog(crypto, stored(twice), checkpointOf(twice), KEY)), ['log-origin-repeated'])
  })

  test('an entry that is not one is found, and the others are still read', () => {
    const odd = LOG.with(3, new Uint8Array([123]))
    const found = codes(verifyLog(crypto, stored(odd), checkpointOf(odd), KEY))
    assert.deepEqual(found, ['entry-malformed', 'log-origin-gap'])
  })

  test('findings are bounded, and the rest is counted', () => {
    const bad = new Array<Uint8Array>(250).fill(new Uint8Array([0]))
    const verdict = verifyLog(crypto, stored(bad), checkpointOf(bad), KEY)
    assert.equal(verdict.findings.length, MAX_FINDINGS)
    assert.equal(verdict.dropped, 150)
    assert(!verdict.sound)
  })
})
