import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { checkpointText } from '../../src/core/ledger/checkpoint.ts'
import { verifyCosignature } from '../../src/core/ledger/cosignature.ts'
import { consistencyProof } from '../../src/core/ledger/merkle.ts'
import { type Note, parseNote, parseVerifierKey } from '../../src/core/ledger/signed-note.ts'
import type { AddCheckpoint } from '../../src/core/ledger/witness-request.ts'
import { refuse } from '../../src/core/refusal/refusal.ts'
import { type Cosigned, cosign, type Declined } from '../../src/flows/cosign.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { logKey, ORIGIN, signedBy, testLogKey, testSigner } from '../core/ledger/keys.ts'
import { logFiles } from '../core/ledger/tile-files.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { TestWitness } from '../worlds/witnesses.ts'

const log = logFiles(60)
const other = logFiles(59).head.root

const checkpointOf = (size: number, root = logFiles(size).head.root, seed = 1, origin = ORIGIN): string =>
  signedBy(testLogKey(seed), checkpointText({ origin, size, root, extensions: [] }), origin)
const request = (old: number, size: number): AddCheckpoint => ({
  old,
  proof: old === 0 || old === size ? [] : (consistencyProof(crypto, log.leaves, old, size) as Uint8Array[]),
  checkpoint: checkpointOf(size),
})

const size = (outcome: Cosigned | Declined): number =>
  'refusal' in outcome ? assert.fail(outcome.refusal.code) : outcome.checkpoint.size
const code = (outcome: Cosigned | Declined): string | null => ('refusal' in outcome ? outcome.refusal.code : null)

describe('a witness cosigns', () => {
  let fleet: QuietFleet
  let seed = 10
  let w: TestWitness
  const logs = new Map([[ORIGIN, [logKey(1)]]])
  before(async () => {
    fleet = await QuietFleet.make()
  })
  after(() => fleet.close())
  beforeEach(() => {
    seed += 1
    w = new TestWitness(fleet, seed)
    w.open(undefined, { logs })
  })
  afterEach(() => w.store.close())

  test('the first checkpoint of a log, and each that continues what it signed, with the time of its clock', async () => {
    assert.equal(size(await cosign(w.witness, request(0, 20))), 20)
    const outcome = (await cosign(w.witness, request(20, 50))) as Cosigned
    const note: Note = { text: (parseNote(checkpointOf(50)) as Note).text, signatures: [outcome.line] }
    const key = parseVerifierKey(crypto, w.key, 'cosignature')!
    assert.equal(verifyCosignature(crypto, note, key), Math.floor(fleet.clock.now() / 1000))
    assert.equal((await w.store.log(ORIGIN))?.size, 50)
  })

  test('many logs, each for itself, by any of the keys of each', async () => {
    const second = { ...logKey(2), name: 'log.example/other' }
    w.open(undefined, { logs: new Map([...logs, [second.name, [{ ...logKey(3), name: second.name }, second]]]) })
    const one = { old: 0, proof: [], checkpoint: checkpointOf(30, undefined, 2, second.name) }
    assert.deepEqual([size(await cosign(w.witness, request(0, 60))), size(await cosign(w.witness, one))], [60, 30])
    assert.deepEqual(
      (await w.store.logs()).map(({ origin, size: signed }) => [origin, signed]),
      [
        [ORIGIN, 60],
        [second.name, 30],
      ],
    )
  })

  test('attack: of requests that arrive at once, none takes it back to a smaller size', async () => {
    await cosign(w.witness, request(0, 10))
    const outcomes = await Promise.all([20, 50, 30, 60, 40].map(to => cosign(w.witness, request(10, to))))
    assert.deepEqual(outcomes.map(code), [null, ...new Array(4).fill('witness-size-differs')])
    assert.equal((await w.store.log(ORIGIN))?.size, 20)
  })

  for (const [name, asked, expected] of [
    [
      'of a log that it does not know',
      { ...request(20, 50), checkpoint: checkpointOf(50, undefined, 1, 'log.example/no') },
      'witness-log-unknown',
    ],
    [
      'that another key signed',
      { ...request(20, 50), checkpoint: checkpointOf(50, undefined, 2) },
      'checkpoint-key-unknown',
    ],
    ['of the same size and another root', { old: 20, proof: [], checkpoint: checkpointOf(20, other) }, 'log-forked'],
    ['smaller than what it signed', { old: 20, proof: [], checkpoint: checkpointOf(10) }, 'log-behind-witness'],
    ['proven from another size', { ...request(19, 50), old: 20 }, 'witness-proof-invalid'],
    ['that goes on from a size that it did not sign', request(19, 50), 'witness-size-differs'],
    ['that begins the log anew', request(0, 50), 'witness-size-differs'],
  ] as const) {
    test(`attack: not a checkpoint ${name}, also after a restart`, async () => {
      await cosign(w.witness, request(0, 20))
      for (const _ of ['before', 'after']) {
        const outcome = (await cosign(w.witness, asked)) as Declined
        assert.equal(code(outcome), expected)
        assert.equal(outcome.signed, expected === 'witness-log-unknown' ? 0 : 20)
        w.open(undefined, { logs })
      }
      const kept = await w.store.log(ORIGIN)
      assert.equal(kept?.size, 20)
      // Only what the log itself has signed twice is kept against it: anybody may send the rest.
      assert.equal(kept.trouble?.code ?? null, expected === 'log-forked' ? expected : null)
    })
  }

  test('a fork is kept as evidence, once, and is over when the log goes on as it was', async () => {
    await cosign(w.witness, request(0, 20))
    const fork = checkpointOf(20, other)
    await cosign(w.witness, { old: 20, proof: [], checkpoint: fork })
    const first = (await w.store.log(ORIGIN))!
    fleet.clock.advance(60_000)
    await cosign(w.witness, { old: 20, proof: [], checkpoint: checkpointOf(20, logFiles(58).head.root) })
    assert.deepEqual((await w.store.log(ORIGIN))?.trouble, first.trouble)
    assert.equal(first.trouble?.checkpoint, fork)
    assert.equal(first.checkpoint, checkpointOf(20))
    await cosign(w.witness, request(20, 30))
    const { trouble } = (await w.store.log(ORIGIN))!
    assert.deepEqual(trouble, { ...first.trouble, until: fleet.clock.now() })
  })

  test('if power fails before the size is durable, nothing is signed', async () => {
    let signed = 0
    const signer: Signer = {
      ...testSigner(seed),
      sign: async () => {
        signed += 1
        return new Uint8Array(64)
      },
    }
    const dead = async (): Promise<never> => {
      throw new Error('power')
    }
    w.open(store => ({ exclusive: work => store.exclusive(work), log: origin => store.log(origin), keep: dead }), {
      logs,
      signer,
    })
    await assert.rejects(cosign(w.witness, request(0, 20)), /power/)
    assert.equal(signed, 0)
    w.open(undefined, { logs })
    assert.equal(await w.store.log(ORIGIN), null)
    assert.equal(size(await cosign(w.witness, request(0, 20))), 20)
  })

  test('if power fails between the size and the answer, the same is signed again, and nothing else of that size', async () => {
    await cosign(w.witness, request(0, 20))
    const gone = refuse('token-removed', 'the key', 'a token', 'none')
    w.open(undefined, { logs, signer: { ...testSigner(seed), sign: async () => gone } })
    assert.equal(code(await cosign(w.witness, request(20, 50))), 'token-removed')
    w.open(undefined, { logs })
    const again = (await cosign(w.witness, request(20, 50))) as Declined
    assert.deepEqual([code(again), again.signed], ['witness-size-differs', 50])
    assert.equal(
      code(await cosign(w.witness, { old: 50, proof: [], checkpoint: checkpointOf(50, other) })),
      'log-forked',
    )
    assert.equal(size(await cosign(w.witness, request(50, 50))), 50)
  })

  test('the same again without a write: a flood of it costs no sync of the disk', async () => {
    await cosign(w.witness, request(0, 20))
    let writes = 0
    w.open(
      store => ({
        exclusive: work => store.exclusive(work),
        log: origin => store.log(origin),
        keep: (row, alarm) => {
          writes += 1
          return store.keep(row, alarm)
        },
      }),
      { logs },
    )
    for (let n = 0; n < 5; n += 1) assert.equal(size(await cosign(w.witness, request(20, 20))), 20)
    assert.equal(writes, 0)
  })
})
