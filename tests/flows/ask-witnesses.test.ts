import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { checkQuorum } from '../../src/core/ledger/log-policy.ts'
import { type Note, parseNote, writeSignatures } from '../../src/core/ledger/signed-note.ts'
import { CHECKPOINT_PATH, WITNESSED_PATH } from '../../src/core/ledger/tiles.ts'
import { SIZE_TYPE } from '../../src/core/ledger/witness-answer.ts'
import { readAddCheckpoint } from '../../src/core/ledger/witness-request.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { askWitness, type Gathering, turnRound } from '../../src/flows/ask-witnesses.ts'
import { cosign } from '../../src/flows/cosign.ts'
import { cosignedFiles, standingOf, witnessAlarms } from '../../src/flows/cosigned.ts'
import { offerCheckpoint } from '../../src/flows/offer-checkpoint.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { AWAY, codeOf, entriesOf, gatheringOf, grow, sizeOf, TestWitness } from '../worlds/witnesses.ts'

const ALARMS = ['witness-alarm', 'witness-alarm-over']

describe('a log and its witnesses', () => {
  let fleet: QuietFleet
  let all: TestWitness[]
  let gathering: Gathering
  const two = (): string[] => [...all.map((one, n) => `witness w${n} ${one.key}`), 'group all 2 w0 w1 w2', 'quorum all']

  beforeEach(async () => {
    fleet = await QuietFleet.make()
    all = [5, 6, 7].map(seed => new TestWitness(fleet, seed))
    gathering = gatheringOf(fleet, two())
  })
  afterEach(() => {
    for (const one of all) one.store.close()
    fleet.close()
  })

  /** One second: what the loops of a fleet server do. */
  async function second(): Promise<(string | null)[]> {
    fleet.clock.advance(1000)
    await turnRound(gathering)
    const outcomes = []
    for (const [n, one] of all.entries()) outcomes.push(codeOf(await askWitness(gathering, `w${n}`, one.link)))
    return outcomes
  }

  const served = async (path: string): Promise<Note | null> => {
    const bytes = await cosignedFiles(gathering).file(path)
    return bytes === null ? null : (parseNote(fromUtf8(bytes) ?? '') as Note)
  }
  const isEnough = (note: Note | null): boolean =>
    note !== null && !isRefusal(checkQuorum(crypto, gathering.policy, note))
  const witnessedSize = async (): Promise<number> => (await standingOf(gathering)).size
  const alarms = async (): Promise<string[]> => (await witnessAlarms(gathering)).map(({ code }) => code)

  test('each checkpoint gets its signatures, and is served with them', async () => {
    assert.equal(await served(WITNESSED_PATH), null)
    for (const more of [3, 300, 1]) {
      await grow(fleet, more)
      assert.deepEqual(await second(), [null, null, null])
      assert.equal(await witnessedSize(), await sizeOf(fleet))
      for (const path of [CHECKPOINT_PATH, WITNESSED_PATH]) {
        const note = await served(path)
        assert.ok(isEnough(note))
        assert.equal(note?.signatures.length, 4, 'the log and three witnesses')
      }
    }
    assert.deepEqual(await entriesOf(fleet, ...ALARMS), [])
  })

  test('a checkpoint that is newer than what they signed is served with the log’s own signature', async () => {
    await second()
    const before = await witnessedSize()
    await grow(fleet, 2)
    assert.equal((await served(CHECKPOINT_PATH))?.signatures.length, 1)
    assert.equal(await witnessedSize(), before)
    assert.ok(isEnough(await served(WITNESSED_PATH)))
  })

  test('nobody is asked about a log that stands still', async () => {
    await second()
    const asked = all.map(one => one.asked)
    for (let n = 0; n < 5; n += 1) await second()
    assert.deepEqual(
      all.map(one => one.asked),
      asked,
    )
  })

  test('with one of three away it goes on, and who comes back signs the next one', async () => {
    all[2]!.instead = AWAY
    assert.deepEqual(await second(), [null, null, 'not-reachable'])
    assert.equal(await witnessedSize(), await sizeOf(fleet))
    all[2]!.instead = null
    await grow(fleet, 2)
    assert.deepEqual(await second(), [null, null, null])
    assert.equal((await served(WITNESSED_PATH))?.signatures.length, 4)
  })

  test('too few in time are an alarm, once, and never a stop; enough of them end it', async () => {
    for (const n of [1, 2]) all[n]!.instead = AWAY
    await second()
    for (let n = 0; n < 58; n += 1) await second()
    assert.deepEqual([await alarms(), (await standingOf(gathering)).alarms], [[], 0])
    for (let n = 0; n < 130; n += 1) {
      await grow(fleet, 1)
      await second()
    }
    assert.deepEqual([await alarms(), (await standingOf(gathering)).alarms], [['cosignatures-too-few'], 1])
    assert.deepEqual(
      (await entriesOf(fleet, ...ALARMS)).map(({ kind, code }) => [kind, code]),
      [['witness-alarm', 'cosignatures-too-few']],
    )
    assert.equal(await witnessedSize(), 0)
    for (const one of all) one.instead = null
    await second()
    assert.ok((await witnessedSize()) > 0)
    assert.deepEqual([await alarms(), (await standingOf(gathering)).alarms], [[], 0])
    assert.deepEqual(
      (await entriesOf(fleet, ...ALARMS)).map(({ kind }) => kind),
      ALARMS,
    )
  })

  test('where none has to sign nothing is waited for: gateways get the newest, and too few is no alarm', async () => {
    gathering = gatheringOf(fleet)
    for (let n = 0; n < 70; n += 1) {
      await grow(fleet, 1)
      fleet.clock.advance(1000)
      await turnRound(gathering)
      const { checkpoint } = orThrow(readAddCheckpoint(orThrow(await offerCheckpoint(gathering, 0))))
      assert.equal(checkpoint, (await fleet.world.store.log()).checkpoint)
    }
    assert.deepEqual([await alarms(), (await standingOf(gathering)).alarms], [[], 0])
    assert.deepEqual(await entriesOf(fleet, ...ALARMS), [])
  })

  test('the alarm is not forgotten by a restart', async () => {
    for (const n of [1, 2]) all[n]!.instead = AWAY
    for (let n = 0; n < 62; n += 1) await second()
    fleet.open()
    gathering = gatheringOf(fleet, two())
    await second()
    assert.deepEqual(await alarms(), ['cosignatures-too-few'])
    assert.equal((await entriesOf(fleet, ...ALARMS)).length, 1)
  })

  test('a witness that has forgotten what it signed is told again', async () => {
    await second()
    await grow(fleet, 5)
    await all[0]!.store.forget(fleet.world.name)
    assert.deepEqual(await second(), [null, null, null])
    assert.equal((await all[0]!.store.log(fleet.world.name))?.size, await sizeOf(fleet))
  })

  test('attack: an older copy of the server’s store cannot go on: its witnesses are asked before anything grows', async () => {
    const copy = fleet.backUp('older.sqlite')
    gathering = gatheringOf(fleet, two())
    await grow(fleet, 10)
    await second()
    const signed = await witnessedSize()
    fleet.restore(copy)
    gathering = gatheringOf(fleet, two())
    const size = await sizeOf(fleet)
    assert.ok(size < signed)
    assert.deepEqual(await second(), new Array(3).fill('log-behind-witness'))
    assert.deepEqual(await alarms(), new Array(3).fill('log-behind-witness'))
    const told = await entriesOf(fleet, ...ALARMS)
    assert.deepEqual(
      told.map(({ code, detail }) => [code, detail.witness]),
      ['w0', 'w1', 'w2'].map(name => ['log-behind-witness', name]),
    )
    // Also when it has grown beyond what they signed: then it is another history.
    await grow(fleet, 20, 'another')
    const expected = Number.isInteger(Math.log2(signed)) ? 'witness-proof-invalid' : 'log-forked'
    for (const code of await second()) assert.match(code ?? '', /^(?:witness-proof-invalid|log-forked)$/)
    for (const code of await alarms()) assert.match(code, /^(?:witness-proof-invalid|log-forked)$/)
    for (const one of all) {
      const { trouble } = (await one.store.log(fleet.world.name))!
      assert.equal(trouble?.code ?? 'witness-proof-invalid', expected)
    }
    assert.equal(await witnessedSize(), 0, 'it has no checkpoint that enough have signed')
  })

  test('attack: an older copy whose last checkpoint was through is asked for again behind the start', async () => {
    await second()
    const copy = fleet.backUp('older.sqlite')
    gathering = gatheringOf(fleet, two())
    await grow(fleet, 10)
    await second()
    fleet.restore(copy)
    gathering = gatheringOf(fleet, two())
    assert.deepEqual(await second(), new Array(3).fill('log-behind-witness'))
  })

  test('attack: an older copy of a log that its witnesses know, at the same size with other entries', async () => {
    await second()
    const copy = fleet.backUp('older.sqlite')
    gathering = gatheringOf(fleet, two())
    await grow(fleet, 10)
    await second()
    const signed = await sizeOf(fleet)
    fleet.restore(copy)
    gathering = gatheringOf(fleet, two())
    await grow(fleet, signed - (await sizeOf(fleet)), 'another')
    assert.deepEqual(await second(), new Array(3).fill('log-forked'))
    for (const one of all) assert.equal((await one.store.log(fleet.world.name))?.trouble?.code, 'log-forked')
  })

  for (const [name, instead, expected] of [
    ['nothing that is a signature', { status: 200, type: 'text/plain', body: 'ok\n' }, 'answer-unexpected'],
    ['another size than it could have', { status: 409, type: SIZE_TYPE, body: '-1\n' }, 'answer-unexpected'],
    ['a size without its type', { status: 409, type: 'text/plain', body: '1\n' }, 'answer-unexpected'],
    ['more than the log has', { status: 409, type: SIZE_TYPE, body: '99999\n' }, 'log-behind-witness'],
    ['that it does not know the log', { status: 404, type: 'text/plain', body: '' }, 'witness-log-unknown'],
    ['that it does not know the key', { status: 403, type: 'text/plain', body: '' }, 'witness-refused'],
    ['that the proof does not hold', { status: 422, type: 'text/plain', body: '' }, 'witness-proof-invalid'],
    ['a page of its proxy', { status: 502, type: 'text/html', body: '<html>' }, 'answer-unexpected'],
  ] as const) {
    test(`a witness that answers ${name}: ${expected}, and the others count`, async () => {
      all[0]!.instead = instead
      assert.deepEqual(await second(), [expected, null, null])
      assert.deepEqual(await second(), [expected, null, null])
      assert.equal((await witnessAlarms(gathering)).length, expected === 'answer-unexpected' ? 0 : 1)
      assert.ok((await standingOf(gathering)).size > 0)
      all[0]!.instead = null
      await grow(fleet, 1)
      assert.deepEqual(await second(), [null, null, null])
      assert.deepEqual(await alarms(), [])
    })
  }

  test('attack: a witness with the signature of another one, or of another checkpoint, does not count', async () => {
    await second()
    await grow(fleet, 3)
    await turnRound(gathering)
    const request = orThrow(readAddCheckpoint(orThrow(await offerCheckpoint(gathering, 0))))
    const stranger = new TestWitness(fleet, 9)
    const outcome = await cosign(stranger.witness, request)
    stranger.store.close()
    if ('refusal' in outcome) return assert.fail()
    const before = await served(WITNESSED_PATH)
    const old = before!.signatures.filter(line => line.name === all[1]!.name)
    const body = (lines: Parameters<typeof writeSignatures>[0]) => ({
      status: 200,
      type: '',
      body: writeSignatures(lines),
    })
    all[0]!.instead = body([{ ...outcome.line, name: all[0]!.name }])
    all[1]!.instead = body(old)
    assert.deepEqual(await second(), ['cosignature-invalid', 'cosignature-invalid', null])
    assert.deepEqual(await served(WITNESSED_PATH), before)
  })

  test('if power fails before a signature is durable, it is asked for again; behind it, it counts', async () => {
    const { store } = fleet.world
    const commit = store.commit.bind(store)
    await turnRound(gathering)
    let cuts = 0
    for (const cut of [1, 2, 3, 4, 5]) {
      let commits = 0
      store.commit = async change => {
        commits += 1
        if (commits === cut) {
          cuts += 1
          throw new Error('power')
        }
        return commit(change)
      }
      const run = async (): Promise<void> => {
        for (const [n, one] of all.entries()) orThrow((await askWitness(gathering, `w${n}`, one.link)) ?? { ok: true })
      }
      await run().catch(error => assert.match((error as Error).message, /power/))
      store.commit = commit
      // The server starts anew on what is there.
      gathering = gatheringOf(fleet, two())
    }
    assert.ok(cuts >= 3, `${cuts}`)
    await second()
    await second()
    assert.equal(await witnessedSize(), await sizeOf(fleet))
    assert.ok(isEnough(await served(WITNESSED_PATH)))
  })
})
