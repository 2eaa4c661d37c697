import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { browserCrypto as crypto } from '../../console/crypto-browser.ts'
import { LogReader, type LogStatus, type Memory } from '../../console/live/log-reader.ts'
import { toBase64 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { checkpointText } from '../../src/core/ledger/checkpoint.ts'
import { entryBytes } from '../../src/core/ledger/entry.ts'
import { leafHash, rootOfLeaves } from '../../src/core/ledger/merkle.ts'
import { verifierKey } from '../../src/core/ledger/signed-note.ts'
import type { KnownHead } from '../../src/core/ledger/verify.ts'
import { orThrow, sentence } from '../../src/core/refusal/refusal.ts'
import type { AuditPage, CheckpointView } from '../../src/wire/fleet-views.ts'
import { logKey, ORIGIN, signedBy, testLogKey } from '../core/ledger/keys.ts'

const entry = (number: number): Uint8Array =>
  orThrow(
    entryBytes({
      v: 1,
      kind: 'controller-report',
      at: instant(1_790_000_000_000 + number),
      clock: 'simulated',
      actor: { kind: 'gateway', id: 'harbour-gateway' },
      detail: { number },
    }),
  )

const LOG = Array.from({ length: 2345 }, (_, number) => entry(number))

function checkpoint(entries: readonly Uint8Array[], seed = 1): CheckpointView {
  const root = rootOfLeaves(
    crypto,
    entries.map(bytes => leafHash(crypto, bytes)),
  )
  const text = checkpointText({ origin: ORIGIN, size: entries.length, root, extensions: [] })
  const key = verifierKey(crypto, logKey(seed)) ?? ''
  return { size: entries.length, checkpoint: signedBy(testLogKey(seed), text), key }
}

class Recollection implements Memory {
  readonly heads = new Map<string, KnownHead>()
  recall(key: string): KnownHead | null {
    return this.heads.get(key) ?? null
  }
  remember(key: string, head: KnownHead): void {
    this.heads.set(key, head)
  }
}

/** Reads a log as a server gives it out; answers everything that was said, and the ranges that were asked for. */
async function read(
  reader: LogReader,
  entries: readonly Uint8Array[],
  head: CheckpointView = checkpoint(entries),
): Promise<{ last: LogStatus; said: LogStatus[]; ranges: string[] }> {
  const said: LogStatus[] = []
  const ranges: string[] = []
  const page = async (from: number, to: number): Promise<AuditPage> => {
    ranges.push(`${from}-${to}`)
    return { entries: entries.slice(from, to).map((bytes, at) => ({ index: from + at, bytes: toBase64(bytes) })) }
  }
  await reader.read(head, page, status => said.push(status))
  return { last: said.at(-1) as LogStatus, said, ranges }
}

const fresh = (): LogReader => new LogReader(crypto, new Recollection())

describe('reading the log in a browser', () => {
  test('page by page, and later only what is new', async () => {
    const memory = new Recollection()
    const reader = new LogReader(crypto, memory)
    const first = await read(reader, LOG.slice(0, 2100))
    assert.deepEqual(first.ranges, ['0-1000', '1000-2000', '2000-2100'])
    assert.deepEqual(
      first.said.map(({ at }) => at),
      ['reading', 'reading', 'sound'],
    )
    assert.ok(first.last.at === 'sound' && first.last.size === 2100 && first.last.known === 0)
    const second = await read(reader, LOG)
    assert.deepEqual(second.ranges, ['2100-2345'])
    assert.ok(second.last.at === 'sound' && second.last.size === 2345)
    assert.deepEqual((await read(reader, LOG)).ranges, [])
    const again = await read(new LogReader(crypto, memory), LOG)
    assert.ok(again.last.at === 'sound' && again.last.known === 2345)
  })

  test('an empty log is sound', async () => {
    const { last, ranges } = await read(fresh(), [])
    assert.ok(last.at === 'sound' && last.size === 0)
    assert.deepEqual(ranges, [])
  })

  const altered = LOG.map((bytes, at) => (at === 1234 ? entry(99_999) : bytes))
  const rows: [name: string, given: readonly Uint8Array[], head: CheckpointView, finding: RegExp][] = [
    ['an entry was changed', altered, checkpoint(LOG), /root/],
    ['an entry was taken out', LOG.toSpliced(7, 1), checkpoint(LOG), /2345 entries; got 2344/],
    ['the end is missing', LOG.slice(0, 2000), checkpoint(LOG), /2345 entries; got 2000/],
    ['two entries changed places', [LOG[1]!, LOG[0]!, ...LOG.slice(2)], checkpoint(LOG), /root/],
    ['the checkpoint is of another key', LOG, { ...checkpoint(LOG, 2), key: checkpoint(LOG).key }, /signature/],
    ['the key is none', LOG, { ...checkpoint(LOG), key: 'a+b+c' }, /key of the log/],
    [
      'the server claims more entries than are signed for',
      LOG,
      { ...checkpoint(LOG.slice(0, 2000)), size: 2345 },
      /2000 entries/,
    ],
  ]
  for (const [name, given, head, finding] of rows) {
    test(`attack: ${name}`, async () => {
      const { last } = await read(fresh(), given, head)
      assert.ok(last.at === 'unsound', JSON.stringify(last))
      assert.match(last.findings.map(sentence).join('\n'), finding)
    })
  }

  test('attack: entries under other numbers', async () => {
    const said: LogStatus[] = []
    const page = async (): Promise<AuditPage> => ({ entries: [{ index: 5, bytes: toBase64(entry(0)) }] })
    await fresh().read(checkpoint(LOG.slice(0, 3)), page, status => said.push(status))
    assert.equal(said.at(-1)?.at, 'unsound')
  })

  test('attack: the log was written anew since this browser saw it last', async () => {
    const memory = new Recollection()
    await read(new LogReader(crypto, memory), LOG.slice(0, 500))
    const other = LOG.map((bytes, at) => (at === 3 ? entry(77) : bytes))
    const { last } = await read(new LogReader(crypto, memory), other)
    assert.ok(last.at === 'unsound')
    assert.match(last.findings.map(sentence).join('\n'), /500 entries/)
    assert.equal([...memory.heads.values()][0]?.size, 500, 'what is unsound is not remembered')
  })

  test('attack: the log becomes shorter while the page is open', async () => {
    const reader = fresh()
    await read(reader, LOG)
    const { last } = await read(reader, LOG.slice(0, 2000))
    assert.equal(last.at, 'unsound')
  })

  test('another key is another log, read from its beginning', async () => {
    const reader = fresh()
    await read(reader, LOG.slice(0, 10))
    const { last, ranges } = await read(reader, LOG.slice(0, 4), checkpoint(LOG.slice(0, 4), 2))
    assert.deepEqual(ranges, ['0-4'])
    assert.equal(last.at, 'sound')
  })
})
