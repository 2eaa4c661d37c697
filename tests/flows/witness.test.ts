import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { openCheckpoint } from '../../src/core/ledger/checkpoint.ts'
import { writeSignatures } from '../../src/core/ledger/signed-note.ts'
import { readAddCheckpoint } from '../../src/core/ledger/witness-request.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { type Gathering, turnRound } from '../../src/flows/ask-witnesses.ts'
import { cosign } from '../../src/flows/cosign.ts'
import { standingOf, witnessAlarms } from '../../src/flows/cosigned.ts'
import { offerCheckpoint, takeWitnessing } from '../../src/flows/offer-checkpoint.ts'
import { witnessLog } from '../../src/flows/witness.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import {
  AWAY,
  codeOf,
  entriesOf,
  gatheringOf,
  grow,
  logKeyOf,
  sizeOf,
  TestGateway,
  TestWitness,
} from '../worlds/witnesses.ts'

describe('gateways as witnesses of their fleet', () => {
  let fleet: QuietFleet
  let gathering: Gathering
  let gateway: TestGateway

  beforeEach(async () => {
    fleet = await QuietFleet.make()
    gathering = gatheringOf(fleet)
    gateway = new TestGateway(fleet, () => gathering)
    await gateway.enrol()
  })
  afterEach(() => {
    gateway.end()
    fleet.close()
  })

  const kept = async () => (await gateway.store.witnessed(fleet.world.name))!
  const look = async () => codeOf(await witnessLog(gateway.site))
  const second = async () => {
    fleet.clock.advance(1000)
    await turnRound(gathering)
  }

  test('sign what they are offered, keep it, and count where a policy names them', async () => {
    gathering = gatheringOf(fleet, [`witness quay ${gateway.key}`, 'quorum quay'])
    for (const more of [1, 40, 300]) {
      await grow(fleet, more)
      await second()
      assert.equal(await look(), null)
      assert.equal((await kept()).size, await sizeOf(fleet))
      assert.equal((await standingOf(gathering)).size, await sizeOf(fleet))
    }
    assert.deepEqual(await gateway.alarms(), [])
    assert.deepEqual(await witnessAlarms(gathering), [])
  })

  test('of one that no policy names nothing is written down at the fleet, and it is seen all the same', async () => {
    await second()
    assert.equal(await look(), null)
    assert.deepEqual(await fleet.gathered.witnesses(false), [])
    assert.equal(gathering.memory.seen.get('quay')?.size, await sizeOf(fleet))
  })

  test('before any round, and of a log that stands still, the end of the log is offered', async () => {
    assert.equal(await look(), null)
    assert.equal(await look(), null)
    assert.equal((await kept()).size, await sizeOf(fleet))
  })

  test('attack: drill: the server is set back to an older copy', async () => {
    const copy = fleet.backUp('older.sqlite')
    gathering = gatheringOf(fleet)
    await grow(fleet, 10)
    await second()
    assert.equal(await look(), null)
    const before = await kept()
    fleet.restore(copy)
    gathering = gatheringOf(fleet)
    await second()
    // The first gateway that looks: at its own site, at the fleet, and in the log of both.
    assert.equal(await look(), 'log-behind-witness')
    assert.deepEqual(await gateway.alarms(), [['intrusion-signal', 'log-behind-witness']])
    assert.deepEqual(
      (await witnessAlarms(gathering)).map(({ code, subject }) => [code, subject]),
      [['log-behind-witness', 'witness quay']],
    )
    assert.deepEqual(
      (await entriesOf(fleet, 'witness-alarm')).map(({ code }) => code),
      ['log-behind-witness'],
    )
    // It cannot grow over it either, and nobody is told twice of the same.
    await grow(fleet, 50, 'another')
    await second()
    for (const _ of [1, 2, 3]) assert.match((await look()) ?? '', /^(?:witness-proof-invalid|log-forked)$/)
    assert.equal((await gateway.alarms()).length, 2)
    assert.deepEqual({ ...(await kept()), trouble: null }, { ...before, trouble: null })
  })

  test('attack: drill: a history that was rewritten and signed anew', async () => {
    const copy = fleet.backUp('older.sqlite')
    gathering = gatheringOf(fleet)
    await grow(fleet, 21)
    await second()
    assert.equal(await look(), null)
    const before = await kept()
    // Whoever has the server and its keys makes another log of the same beginning, and lets it grow beyond the first.
    fleet.restore(copy)
    await grow(fleet, 60, 'nothing happened')
    gathering = gatheringOf(fleet)
    await second()
    const expected = Number.isInteger(Math.log2(before.size)) ? 'witness-proof-invalid' : 'log-forked'
    assert.equal(await look(), expected)
    assert.deepEqual(await gateway.alarms(), [['intrusion-signal', expected]])
    const { trouble, ...rest } = await kept()
    assert.deepEqual({ ...rest, trouble: null }, before)
    // Both checkpoints are there, each signed by the log: nobody can say that it was otherwise.
    const shown = orThrow(openCheckpoint(trouble?.checkpoint ?? '', logKeyOf(fleet), crypto))
    const first = orThrow(openCheckpoint(before.checkpoint, logKeyOf(fleet), crypto))
    assert.ok(shown.size > first.size)
    // The server that says nothing of it says so to nobody: a restart of the gateway forgets nothing.
    gateway.open()
    assert.equal(await look(), expected)
    assert.equal((await gateway.alarms()).length, 1)
  })

  test('a server that has its newest copy again is signed again, and the alarm is over', async () => {
    const older = fleet.backUp('older.sqlite')
    gathering = gatheringOf(fleet)
    await grow(fleet, 10)
    await second()
    assert.equal(await look(), null)
    const newest = fleet.backUp('newest.sqlite')
    gathering = gatheringOf(fleet)
    fleet.restore(older)
    gathering = gatheringOf(fleet)
    assert.equal(await look(), 'log-behind-witness')
    fleet.restore(newest)
    gathering = gatheringOf(fleet)
    await grow(fleet, 1)
    await second()
    assert.equal(await look(), null)
    assert.equal((await kept()).trouble?.until, fleet.clock.now())
  })

  test('attack: the log of somebody else in its place', async () => {
    await second()
    await look()
    const text = orThrow(await offerCheckpoint(gathering, 0)).replace(/\n\n[^\n]+\n/, '\n\nanother\n')
    gateway.open({ offered: async () => text })
    assert.equal(await look(), 'witness-log-unknown')
    assert.deepEqual(await gateway.alarms(), [['intrusion-signal', 'witness-log-unknown']])
  })

  test('attack: a gateway cannot make the log look forked by its word, nor count under the name of another', async () => {
    gathering = gatheringOf(fleet, [`witness quay ${gateway.key}`, 'quorum quay'])
    await second()
    assert.equal(await look(), null)
    const { checkpoint } = await kept()
    const refused = { code: 'log-forked', expected: 'a', actual: 'b' }
    const forged = checkpoint.replace(/\n\d+\n/, '\n999\n')
    assert.equal(
      codeOf(await takeWitnessing(gathering, 'quay', { refused, kept: forged })),
      'checkpoint-signature-invalid',
    )
    assert.equal(codeOf(await takeWitnessing(gathering, 'quay', { refused, kept: '' })), 'checkpoint-malformed')
    assert.equal(
      codeOf(await takeWitnessing(gathering, 'reef', { refused, kept: checkpoint })),
      'witness-key-unsuitable',
    )
    assert.deepEqual(await witnessAlarms(gathering), [])
    const stranger = new TestWitness(fleet, 9)
    const outcome = await cosign(
      stranger.witness,
      orThrow(readAddCheckpoint(orThrow(await offerCheckpoint(gathering, 0)))),
    )
    stranger.store.close()
    if ('refusal' in outcome) return assert.fail()
    const line = writeSignatures([{ ...outcome.line, name: 'gateway/quay' }])
    assert.equal(
      codeOf(await takeWitnessing(gathering, 'quay', { cosigned: `${checkpoint}${line}` })),
      'cosignature-invalid',
    )
  })

  test('if power fails before the checkpoint is durable at the gateway, the fleet has no signature of it', async () => {
    await second()
    const said: unknown[] = []
    gateway.open(
      {
        witnessed: async what => {
          said.push(what)
          return null
        },
      },
      store => ({
        ...bound(store),
        commit: async () => {
          throw new Error('power')
        },
      }),
    )
    await assert.rejects(witnessLog(gateway.site), /power/)
    assert.deepEqual(said, [])
    gateway.open()
    assert.equal(await look(), null)
    assert.equal((await kept()).size, await sizeOf(fleet))
  })

  test('if the fleet does not hear of it, the same is signed again, and nothing else', async () => {
    gathering = gatheringOf(fleet, [`witness quay ${gateway.key}`, 'quorum quay'])
    await second()
    gateway.open({ witnessed: async () => AWAY })
    assert.equal(await look(), 'not-reachable')
    assert.equal((await standingOf(gathering)).size, 0)
    const before = await kept()
    gateway.open()
    assert.equal(await look(), null)
    assert.deepEqual(await kept(), before)
    assert.equal((await standingOf(gathering)).size, await sizeOf(fleet))
  })

  const bound = (store: TestGateway['store']) => ({
    exclusive: <T>(work: () => Promise<T>) => store.exclusive(work),
    files: (repo: string) => store.files(repo),
    controller: (id: string) => store.controller(id),
    controllers: () => store.controllers(),
    assignments: () => store.assignments(),
    outbox: (limit: number) => store.outbox(limit),
    lastGiven: () => store.lastGiven(),
    logged: (behind: number, limit: number) => store.logged(behind, limit),
    loggedAbout: (controller: string, limit: number) => store.loggedAbout(controller, limit),
    ownLog: () => store.ownLog(),
    told: (id: string) => store.told(id),
    witnessed: (origin: string) => store.witnessed(origin),
    time: () => store.time(),
    copied: () => store.copied(),
  })
})
