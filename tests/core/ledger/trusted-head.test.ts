import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { checkpointText } from '../../../src/core/ledger/checkpoint.ts'
import { type LogPolicy, noWitness, readPolicy } from '../../../src/core/ledger/log-policy.ts'
import { inclusionProof } from '../../../src/core/ledger/merkle.ts'
import { verifierKey } from '../../../src/core/ledger/signed-note.ts'
import { writeProof } from '../../../src/core/ledger/tlog-proof.ts'
import { openProof, openSigned, openTrusted } from '../../../src/core/ledger/trusted-head.ts'
import { detailOf, isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { logKey, ORIGIN, signedBy, testLogKey } from './keys.ts'
import { cosigned, LOG_KEY, realEntry, realLog, signedLog, witnessKey } from './signed-log.ts'

const LOG = realLog(300)
const ALONE = noWitness(logKey(1))
const policy = (...lines: readonly string[]): LogPolicy =>
  orThrow(readPolicy(`log ${LOG_KEY}\n${lines.join('\n')}\n`, crypto))
const WITNESSED = policy(
  `witness harbour ${witnessKey('harbour', 5)}`,
  `witness regulator ${witnessKey('regulator', 6)}`,
  'group two 2 harbour regulator',
  'quorum two',
)

function proofOf(index: number, checkpoint = LOG.checkpoint(), log = LOG): string {
  const path = inclusionProof(crypto, log.leaves, index) as Uint8Array[]
  return writeProof({ index, path, checkpoint, extra: log.entries[index] as Uint8Array })
}
const code = (result: object): string => (isRefusal(result) ? result.code : 'opened')

describe('a checkpoint by policy', () => {
  const named = (name: string): string =>
    signedBy(testLogKey(1), checkpointText({ ...LOG.head, origin: name, extensions: [] }), name)
  const rows: [name: string, signed: string, policy: LogPolicy, code: string][] = [
    ['of the log’s key', LOG.checkpoint(), ALONE, 'opened'],
    [
      'attack: of a key that was retired, or that nobody knows',
      LOG.checkpoint(300, 2),
      ALONE,
      'checkpoint-key-unknown',
    ],
    ['attack: of another log', named('log.example/quay'), ALONE, 'checkpoint-origin-mismatch'],
    ['attack: a page in HTML', '<!doctype html>\n<h1>Log</h1>\n', ALONE, 'checkpoint-malformed'],
    ['attack: nothing', '', ALONE, 'checkpoint-malformed'],
    [
      'attack: of another size than was signed',
      LOG.checkpoint().replace('\n300\n', '\n299\n'),
      ALONE,
      'checkpoint-signature-invalid',
    ],
    ['attack: without the witnesses that are needed', LOG.checkpoint(), WITNESSED, 'cosignatures-too-few'],
  ]
  for (const [name, signed, by, expected] of rows) {
    test(name, () => assert.equal(code(openTrusted(signed, by, crypto)), expected))
  }

  test('a retired key is told by its id, and the one that is expected', () => {
    const refused = openSigned(LOG.checkpoint(300, 2), ALONE, crypto) as Refusal
    const [mine, other] = [1, 2].map(seed => verifierKey(crypto, logKey(seed))?.split('+')[1] as string)
    assert.equal(detailOf(refused), `checkpoint of ${ORIGIN}: expected a signature of key ${mine}; got key ${other}`)
  })

  test('a log that was given a new key is named with both', () => {
    const both = policy(`log ${verifierKey(crypto, logKey(2))}`, 'quorum none')
    for (const seed of [1, 2]) {
      assert.deepEqual(orThrow(openTrusted(LOG.checkpoint(300, seed), both, crypto)).key, logKey(seed))
    }
    assert.equal(code(openTrusted(LOG.checkpoint(300, 3), both, crypto)), 'checkpoint-key-unknown')
  })

  test('attack: a false signature of one key beside a true one of the other', () => {
    const both = policy(`log ${verifierKey(crypto, logKey(2))}`, 'quorum none')
    // The line of the first key, over another tree.
    const line = LOG.checkpoint(299).split('\n\n')[1] as string
    assert.equal(code(openTrusted(LOG.checkpoint(300, 2) + line, both, crypto)), 'checkpoint-signature-invalid')
  })

  test('two of two witnesses, and when they signed', async () => {
    const one = await cosigned(LOG.checkpoint(), 'harbour', 5, 1_790_000_000)
    assert.equal(code(openTrusted(one, WITNESSED, crypto)), 'cosignatures-too-few')
    const two = await cosigned(one, 'regulator', 6, 1_790_000_009)
    const { cosigned: by } = orThrow(openTrusted(two, WITNESSED, crypto))
    assert.deepEqual(
      [...by],
      [
        ['harbour', 1_790_000_000],
        ['regulator', 1_790_000_009],
      ],
    )
    // Not the same one twice, and not under the name of another.
    for (const [name, seed] of [
      ['harbour', 5],
      ['regulator', 5],
    ] as const) {
      assert.notEqual(code(openTrusted(await cosigned(one, name, seed, 1_790_000_009), WITNESSED, crypto)), 'opened')
    }
  })
})

describe('the proof of an entry, offline', () => {
  for (const index of [0, 1, 255, 256, 299]) {
    test(`entry ${index}`, () => {
      const proven = orThrow(openProof(proofOf(index), ALONE, crypto))
      assert.equal(proven.index, index)
      assert.deepEqual(proven.entry.detail, { number: index })
    })
  }

  const OTHER = signedLog(Array.from({ length: 300 }, (_, at) => realEntry(at + 1000)))
  const rows: [name: string, text: string, code: string][] = [
    ['attack: of another tree', proofOf(7, LOG.checkpoint(), OTHER), 'log-proof-invalid'],
    ['attack: of an older tree', proofOf(7, LOG.checkpoint(299)), 'log-proof-invalid'],
    ['attack: at another place', proofOf(7).replace('\nindex 7\n', '\nindex 8\n'), 'log-proof-invalid'],
    ['attack: beyond the size', proofOf(7).replace('\nindex 7\n', '\nindex 300\n'), 'log-proof-invalid'],
    [
      'attack: with another entry',
      proofOf(7).replace(/extra .*/, `extra ${realEntry(8).toBase64()}`),
      'log-proof-invalid',
    ],
    ['attack: by a retired key', proofOf(7, LOG.checkpoint(300, 2)), 'checkpoint-key-unknown'],
    ['attack: cut short', proofOf(7).slice(0, 300), 'log-proof-malformed'],
    ['without its entry', proofOf(7).replace(/extra .*\n/, ''), 'log-proof-empty'],
  ]
  for (const [name, text, expected] of rows) {
    test(name, () => assert.equal(code(openProof(text, ALONE, crypto)), expected))
  }

  test('without its entry it takes the one that is given, and no other', () => {
    const bare = proofOf(7).replace(/extra .*\n/, '')
    assert.equal(code(openProof(bare, ALONE, crypto, realEntry(7))), 'opened')
    assert.equal(code(openProof(bare, ALONE, crypto, realEntry(6))), 'log-proof-invalid')
    assert.equal(code(openProof(proofOf(7), ALONE, crypto, realEntry(6))), 'log-proof-invalid')
  })

  test('attack: a leaf that is no entry of ours', () => {
    const foreign = signedLog([utf8('{"v":1}')])
    assert.equal(code(openProof(proofOf(0, foreign.checkpoint(), foreign), ALONE, crypto)), 'entry-malformed')
  })

  test('attack: a character of it, whatever it becomes', () => {
    const text = proofOf(7)
    const before = orThrow(openProof(text, ALONE, crypto))
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), (at, character) => {
        const changed = text.slice(0, at) + String.fromCharCode(character) + text.slice(at + 1)
        const proven = openProof(changed, ALONE, crypto)
        if (isRefusal(proven)) return
        // Only what nobody needs may have changed: another signature's line.
        assert.deepEqual(
          [proven.index, proven.bytes, proven.head.checkpoint],
          [7, before.bytes, before.head.checkpoint],
        )
        assert.equal(changed, text)
      }),
      { numRuns: 200, seed: 7 },
    )
  })
})
