import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { browserCrypto as crypto } from '../../console/crypto-browser.ts'
import { outcomeOf, type Proof, proofOf } from '../../console/picture/proof.ts'
import { placed, proofLines } from '../../console/picture/proof-lines.ts'
import { concat, fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { writeBundle } from '../../src/core/ledger/bundle.ts'
import { type LogPolicy, readPolicy } from '../../src/core/ledger/log-policy.ts'
import { leafHash } from '../../src/core/ledger/merkle.ts'
import { openProof } from '../../src/core/ledger/trusted-head.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import {
  cosigned,
  LOG_KEY,
  realEntry,
  realLog,
  type SignedLog,
  signedLog,
  witnessKey,
} from '../core/ledger/signed-log.ts'
import { readFrom } from '../core/ledger/tile-files.ts'

const LOG = realLog(2345)
const policyOf = (quorum: string): LogPolicy =>
  orThrow(
    readPolicy(
      `log ${LOG_KEY}\nwitness north ${witnessKey('north', 5)}\nwitness south ${witnessKey('south', 6)}\ngroup two 2 north south\nquorum ${quorum}\n`,
      crypto,
    ),
  )
const NONE = policyOf('none')
const BOTH = policyOf('two')
const newest = LOG.checkpoint()

type Served = {
  readonly files?: Readonly<Record<string, Uint8Array>>
  readonly checkpoint?: string
  readonly witnessed?: string
}
const prove = (policy: LogPolicy, { files = {}, checkpoint = newest, witnessed }: Served = {}, index = 1234): Proof =>
  orThrow(
    readFrom(
      proofOf(crypto, policy, { newest: checkpoint, witnessed: witnessed ?? null }, index),
      new Map([...LOG.files, ...Object.entries(files)]),
    ),
  )
/** The lines that do not hold: where it breaks, for people. */
const broken = (proof: Proof): string[] =>
  proofLines(proof).flatMap(({ name, standing, fault }) =>
    standing === 'breaks' ? [`${name}: ${fault?.code ?? 'none'}`] : [],
  )
const forgedBundle = (log: SignedLog): Uint8Array =>
  writeBundle(log.entries.slice(1024, 1280).with(1234 - 1024, realEntry(9)))

describe('a proof in the browser', () => {
  test('leads from the entry to the signed root, line by line, and is the file that the command line takes', () => {
    const proof = prove(NONE)
    assert.equal(outcomeOf(proof), 'proven')
    assert.deepEqual(
      proofLines(proof).map(({ name, standing }) => [name, standing]),
      [
        ['Entry 1234', 'holds'],
        ['Entries 1024 to 1279', 'holds'],
        ['The root over 2345 entries', 'holds'],
        ['The signature of the log', 'holds'],
        ['The witness north', 'open'],
        ['The witness south', 'open'],
      ],
    )
    const again = orThrow(openProof(proof.text ?? '', NONE, crypto))
    assert.deepEqual(again.bytes, realEntry(1234))
  })

  test('is drawn with each step above the one before, and what it is joined with beside it', () => {
    const { rows, height } = placed(prove(NONE).walk?.steps ?? [])
    assert.ok(rows.every(({ y }, at) => at === 0 || y < (rows[at - 1]?.y ?? 0)))
    assert.ok(rows.every(({ y, sibling }) => y > 0 && y < height && (sibling === null || sibling.y > y)))
    assert.equal(rows[0]?.sibling, null)
  })

  test('names who of the witnesses has signed, and waits for the others', async () => {
    const one = await cosigned(newest, 'north', 5, 1_790_000_000)
    const waiting = prove(BOTH, { checkpoint: one })
    assert.equal(outcomeOf(waiting), 'waits')
    assert.match(JSON.stringify(proofLines(waiting)), /1 of 2 signed; needed: 2 of north, south/)
    assert.equal(waiting.text, null, 'what too few have signed is no proof under this policy')
    const two = await cosigned(one, 'south', 6, 1_790_000_001)
    assert.equal(outcomeOf(prove(BOTH, { checkpoint: two })), 'proven')
    // The newest head is ahead of the witnesses: the one that they signed proves the entry as well.
    const older = realLog(2000)
    const witnessed = await cosigned(
      await cosigned(older.checkpoint(), 'north', 5, 1_790_000_000),
      'south',
      6,
      1_790_000_001,
    )
    const behind = prove(BOTH, { files: Object.fromEntries(older.files), checkpoint: newest, witnessed })
    assert.deepEqual([outcomeOf(behind), behind.head?.checkpoint.size], ['proven', 2000])
  })

  test('there is none of an entry behind the end', () => {
    const beyond = readFrom(proofOf(crypto, NONE, { newest, witnessed: null }, 2345), LOG.files)
    assert.ok(isRefusal(beyond) && beyond.code === 'log-index-beyond')
  })

  const other = signedLog(LOG.entries.with(1234, realEntry(99_999)))
  const lies: [name: string, served: Served, where: string[]][] = [
    ['the entry is forged', { files: { 'tile/entries/004': forgedBundle(LOG) } }, ['Entry 1234: log-entry-altered']],
    [
      'the entry is forged and its tile made to fit',
      {
        files: {
          'tile/entries/004': forgedBundle(LOG),
          'tile/0/004': concat(...LOG.leaves.slice(1024, 1280).with(1234 - 1024, leafHash(crypto, realEntry(9)))),
        },
      },
      ['Entries 1024 to 1279: log-tile-altered'],
    ],
    [
      'every tile is made to fit the forged entry',
      { files: Object.fromEntries(other.files) },
      ['The root over 2345 entries: log-root-mismatch'],
    ],
    [
      'every tile and the head are made to fit, under another key',
      { files: Object.fromEntries(other.files), checkpoint: other.checkpoint(2345, 2) },
      ['The signature of the log: checkpoint-key-unknown'],
    ],
    [
      'the head is edited',
      { checkpoint: newest.replace('2345', '2344') },
      ['The signature of the log: checkpoint-signature-invalid'],
    ],
    [
      'the server answers with pages',
      { checkpoint: '<html></html>' },
      ['The signature of the log: checkpoint-malformed'],
    ],
  ]
  for (const [name, served, where] of lies) {
    test(`attack: a server that lies: ${name}`, () => {
      const proof = prove(NONE, served)
      assert.equal(outcomeOf(proof), 'broken')
      assert.deepEqual(broken(proof), where)
      assert.equal(proof.text, null, 'and there is nothing to take away')
      assert.ok(isRefusal(proof.verdict))
    })
  }

  test('attack: a server that lies: a witness’s signature is forged', async () => {
    const one = await cosigned(newest, 'north', 7, 1_790_000_000)
    const forged = await cosigned(
      one.replace(/— north .*\n/, line => line),
      'south',
      6,
      1_790_000_001,
    )
    const line = /— north (\S+)/.exec(await cosigned(newest, 'north', 5, 1_790_000_000))?.[1] ?? ''
    const bytes = Buffer.from(line, 'base64')
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
    const proof = prove(BOTH, { checkpoint: forged.replace(/— north \S+/, `— north ${bytes.toString('base64')}`) })
    assert.equal(outcomeOf(proof), 'broken')
    assert.deepEqual(broken(proof), ['The witness north: none', 'Witnesses: cosignature-invalid'])
    assert.equal(proof.text, null)
  })

  test('attack: a tile that lies about a true entry is named, and the entry is proven all the same', () => {
    const tile = (LOG.files.get('tile/0/004') as Uint8Array).slice()
    tile[210 * 32] = (tile[210 * 32] as number) ^ 1
    const proof = prove(NONE, { files: { 'tile/0/004': tile } })
    assert.equal(outcomeOf(proof), 'proven')
    assert.deepEqual(broken(proof), ['Entry 1234: log-tile-altered'])
    assert.match(fromUtf8(realEntry(1234)) ?? '', /1234/)
  })
})
