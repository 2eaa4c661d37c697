import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { browserCrypto as crypto } from '../../console/crypto-browser.ts'
import { LogReader, type LogStatus, type Memory } from '../../console/live/log-reader.ts'
import { entryBytes } from '../../src/core/ledger/entry.ts'
import { verifierKey } from '../../src/core/ledger/signed-note.ts'
import type { KnownHead } from '../../src/core/ledger/verify.ts'
import { orThrow, sentence } from '../../src/core/refusal/refusal.ts'
import type { CheckpointView } from '../../src/wire/fleet-views.ts'
import { logKey } from '../core/ledger/keys.ts'
import { realEntry, realLog, type SignedLog, signedLog } from '../core/ledger/signed-log.ts'
import { toldLog } from '../core/ledger/told-log.ts'

const made = new Map<number, SignedLog>()
/** The first entries of one log. */
function log(size: number): SignedLog {
  const known = made.get(size) ?? realLog(size)
  made.set(size, known)
  return known
}
const LOG = log(2345)
const withEntry = (at: number, number: number): SignedLog => signedLog(LOG.entries.with(at, realEntry(number)))

/** What the server says of the end of a log, under the key of that seed. */
function headOf({ entries, checkpoint }: SignedLog, seed = 1): CheckpointView {
  const key = verifierKey(crypto, logKey(seed)) ?? ''
  return { size: entries.length, checkpoint: checkpoint(entries.length, seed), key }
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

/** Reads a log as a server gives it out; answers everything that was said, and the bundles that were asked for. */
async function read(
  reader: LogReader,
  given: SignedLog,
  head = headOf(given),
): Promise<{ last: LogStatus; said: LogStatus[]; bundles: string[] }> {
  const said: LogStatus[] = []
  const bundles: string[] = []
  const file = async (path: string): Promise<Uint8Array | null> => {
    if (path.startsWith('tile/entries/')) bundles.push(path.slice('tile/entries/'.length))
    return given.files.get(path) ?? null
  }
  await reader.read(head, file, status => said.push(status))
  return { last: said.at(-1) as LogStatus, said, bundles }
}

const fresh = (): LogReader => new LogReader(crypto, new Recollection())

describe('reading the log in a browser', () => {
  test('stretch by stretch, and later only what is new', async () => {
    const memory = new Recollection()
    const reader = new LogReader(crypto, memory)
    const first = await read(reader, log(2100))
    assert.deepEqual(first.bundles, ['000', '001', '002', '003', '004', '005', '006', '007', '008.p/52'])
    assert.deepEqual(
      first.said.map(({ at }) => at),
      ['reading', 'sound'],
    )
    assert.ok(first.last.at === 'sound' && first.last.size === 2100 && first.last.known === 0)
    const second = await read(reader, LOG)
    assert.deepEqual(second.bundles, ['008', '009.p/41'])
    assert.ok(second.last.at === 'sound' && second.last.size === 2345)
    assert.deepEqual((await read(reader, LOG)).bundles, [])
    const again = await read(new LogReader(crypto, memory), LOG)
    assert.ok(again.last.at === 'sound' && again.last.known === 2345)
  })

  test('an empty log is sound', async () => {
    const { last, bundles } = await read(fresh(), log(0))
    assert.ok(last.at === 'sound' && last.size === 0)
    assert.deepEqual(bundles, [])
  })

  test('goes on where it was when there is no answer', async () => {
    const reader = fresh()
    const asked: string[] = []
    let broken = true
    const file = async (path: string): Promise<Uint8Array | null> => {
      if (path.startsWith('tile/entries/')) asked.push(path)
      if (broken && path.startsWith('tile/entries/008')) throw new Error('The server does not answer.')
      return LOG.files.get(path) ?? null
    }
    await assert.rejects(reader.read(headOf(LOG), file, () => {}))
    broken = false
    asked.length = 0
    const said: LogStatus[] = []
    await reader.read(headOf(LOG), file, status => said.push(status))
    assert.deepEqual(asked, ['tile/entries/008', 'tile/entries/009.p/41'])
    assert.equal(said.at(-1)?.at, 'sound')
  })

  const rows: [name: string, given: SignedLog, head: CheckpointView, finding: RegExp][] = [
    ['an entry was changed', withEntry(1234, 99_999), headOf(LOG), /root/],
    ['an entry was taken out', signedLog([...LOG.entries.toSpliced(7, 1), realEntry(1)]), headOf(LOG), /root/],
    ['the end is missing', log(2000), headOf(LOG), /not there/],
    [
      'two entries changed places',
      signedLog([realEntry(1), realEntry(0), ...LOG.entries.slice(2)]),
      headOf(LOG),
      /root/,
    ],
    ['the checkpoint is of another key', LOG, { ...headOf(LOG, 2), key: headOf(LOG).key }, /another key/],
    ['the key is none', LOG, { ...headOf(LOG), key: 'a+b+c' }, /key of the log/],
    [
      'an entry was changed in its bundle alone',
      {
        ...LOG,
        files: new Map([...LOG.files, ['tile/entries/004', withEntry(1234, 99_999).files.get('tile/entries/004')!]]),
      },
      headOf(LOG),
      /entry 1234 of tile\/entries\/004/,
    ],
  ]
  for (const [name, given, head, finding] of rows) {
    test(`attack: ${name}`, async () => {
      const { last } = await read(fresh(), given, head)
      assert.ok(last.at === 'unsound', JSON.stringify(last))
      assert.match(last.findings.map(sentence).join('\n'), finding)
    })
  }

  test('attack: an entry of a gateway is missing behind entries that the server says are archived', async () => {
    const own = { what: 'own', site: 0, device: 0, n: 1 } as const
    const told = toldLog(Array.from({ length: 600 }, () => own)).toSpliced(400, 1)
    const gone = signedLog(told.map(entry => orThrow(entryBytes(entry))))
    const files = new Map([...gone.files].filter(([path]) => path !== 'tile/entries/000'))
    const { last } = await read(fresh(), { ...gone, files }, headOf(gone))
    assert.ok(last.at === 'unsound')
    assert.deepEqual(
      last.findings.map(({ code }) => code),
      ['log-tile-missing', 'log-origin-gap'],
    )
    assert.deepEqual([last.passedOver, last.unjudged], [256, 1])
  })

  test('attack: the log was written anew since this browser saw it last', async () => {
    const memory = new Recollection()
    await read(new LogReader(crypto, memory), log(500))
    const { last } = await read(new LogReader(crypto, memory), withEntry(3, 77))
    assert.ok(last.at === 'unsound')
    assert.match(last.findings.map(sentence).join('\n'), /500 entries/)
    assert.equal([...memory.heads.values()][0]?.size, 500, 'what is unsound is not remembered')
  })

  test('attack: the log becomes shorter while the page is open', async () => {
    const reader = fresh()
    await read(reader, LOG)
    assert.equal((await read(reader, log(2000))).last.at, 'unsound')
  })

  test('another key is another log, read from its beginning', async () => {
    const reader = fresh()
    await read(reader, log(10))
    const { last, bundles } = await read(reader, log(4), headOf(log(4), 2))
    assert.deepEqual(bundles, ['000.p/4'])
    assert.equal(last.at, 'sound')
  })
})
