import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { withTargets } from '../../src/core/trust/repository.ts'
import { command } from '../../src/flows/campaign.ts'
import { openRepository } from '../../src/flows/keep.ts'
import { offerFor } from '../../src/flows/offer.ts'
import { assigned } from '../../src/flows/relay.ts'
import { sealedBy } from '../worlds/quiet-fleet.ts'
import { Bench, type Made, running } from './bench.ts'
import { exchange, type Forged, forge, forgedPlan, leave, online, ordering, roleOf, serve, smuggle } from './thief.ts'

/** Stolen: keys of approvers, of whom two must sign. */
describe("theft of the approvers' keys", () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.make()
  })
  afterEach(() => bench?.close())

  const approvers = (...names: readonly string[]) => ({
    ...online(bench, 'approval'),
    targets: names.map(name => bench.fleet.key(name)),
  })

  /** An approval of a release under the name of a campaign, by some approvers. */
  async function approval(id: string, made: Made, ...names: readonly string[]): Promise<Forged> {
    const { target } = await forgedPlan(bench, id, made)
    return forge(bench, 'approval', [target], approvers(...names))
  }

  it('attack: one stolen approver key of two approves nothing, whoever serves it', async () => {
    const made = bench.releases['1.2.0']
    serve(bench, {
      approval: await approval('coup', made, 'approver-0'),
      director: await ordering(bench, made, 'coup'),
    })
    assert.equal(await bench.deliver(bench.controllers[0]!), 'metadata-below-threshold')
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })

  it('the thief of enough approver keys can approve a plan, which nobody starts', async () => {
    serve(bench, { approval: await approval('coup', bench.releases['1.2.0'], 'approver-0', 'approver-1') })
    assert.equal(await bench.refresh(), 'assignment-not-approved', 'and takes the honest approval away')
    leave(bench)
    const kept = await forgedPlan(bench, 'coup', bench.releases['1.2.0'])
    const honest = orThrow(await openRepository(bench.fleet.world, 'approval')).targets!.signed.targets.values()
    serve(bench, {
      approval: await forge(bench, 'approval', [...honest, kept.target], approvers('approver-0', 'approver-1')),
    })
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0', 'what the director orders')
  })

  it("attack: stolen approvers' keys make no image, and start nothing without the director", async () => {
    const foreign = await bench.make('6.6.6')
    smuggle(bench, foreign.envelope, foreign.image)
    serve(bench, { approval: await approval('spring', foreign, 'approver-0', 'approver-1') })
    assert.equal(await bench.refresh(), 'assignment-not-planned', 'the director orders 1.1.0')
    serve(bench, {
      approval: await approval('spring', foreign, 'approver-0', 'approver-1'),
      director: await ordering(bench, foreign),
    })
    assert.equal(await bench.refresh(), 'assignment-target-missing', 'the maker has not published it')
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })

  it('the thief of approval and director together can install any authentic release that is newer', async () => {
    const made = bench.releases['1.2.0']
    serve(bench, {
      approval: await approval('coup', made, 'approver-0', 'approver-1'),
      director: await ordering(bench, made, 'coup'),
    })
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.2.0')
  })

  it('attack: approval and director stolen together run no foreign code, and nothing below the counter', async () => {
    const old = await bench.make('1.1.5', { counter: 0 })
    await bench.publish(old)
    const foreign = await bench.make('6.6.6', { signer: bench.fleet.newKey('thief') })
    smuggle(bench, foreign.envelope, foreign.image)
    const codes: string[] = []
    for (const made of [old, foreign]) {
      serve(bench, {
        approval: await approval('coup', made, 'approver-0', 'approver-1'),
        director: await ordering(bench, made, 'coup'),
      })
      codes.push(await bench.deliver(bench.controllers[0]!))
    }
    assert.deepEqual(codes, ['release-below-floor', 'assignment-target-missing'])
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })

  it('attack: a fleet server that goes on ordering what approvers have withdrawn', async () => {
    assert.equal(await bench.refresh(), 'taken')
    assert.equal((await assigned(bench.site)).length, 1)
    serve(bench, { approval: await forge(bench, 'approval', [], approvers('approver-0', 'approver-1')) })
    assert.equal(await bench.refresh(), 'assignment-not-approved')
    assert.deepEqual(await assigned(bench.site), [], 'nobody is to take it up any more')
    assert.equal(await offerFor(bench.site, 'c0'), null)
  })

  it('attack: a fleet server that goes on ordering what makers have withdrawn', async () => {
    assert.equal(await bench.refresh(), 'taken')
    const kept = bench.releases['1.2.0'].targets
    const keys = { ...online(bench, 'image'), targets: [bench.fleet.key('release')] }
    serve(bench, { image: await forge(bench, 'image', kept, keys) })
    assert.equal(await bench.refresh(), 'assignment-target-missing')
    assert.deepEqual(await assigned(bench.site), [], 'nobody is to take it up any more')
  })

  it('attack: another plan under the name of an approved campaign ends what went on by the first', async () => {
    assert.equal(await bench.refresh(), 'taken')
    serve(bench, { approval: await approval('spring', bench.releases['1.2.0'], 'approver-0', 'approver-1') })
    assert.equal(await bench.refresh(), 'assignment-not-planned')
    assert.deepEqual(await assigned(bench.site), [])
  })

  it("attack: stolen approvers' keys end with the root that replaces them, and the campaign that is halted", async () => {
    const made = bench.releases['1.2.0']
    const directed = await ordering(bench, made, 'coup')
    serve(bench, { approval: await approval('coup', made, 'approver-0', 'approver-1'), director: directed })
    assert.equal(await bench.refresh(), 'taken')
    leave(bench)
    const spares = ['snapshot', 'timestamp', 'targets', 'd-snapshot', 'd-timestamp'].map(role =>
      bench.fleet.newKey(`new-${role}`),
    )
    const people = [0, 1].map(n => bench.fleet.newKey(`new-approver-${n}`))
    const { signed } = orThrow(await openRepository(bench.fleet.world, 'approval')).targets!
    const targets = await sealedBy(orThrow(withTargets(signed, {}, signed.version + 1, bench.soon(30))), people)
    const [snapshot, timestamp, ...director] = spares.map(signer => roleOf(1, signer))
    await exchange(
      bench,
      'approval',
      { targets: roleOf(2, ...people), snapshot: snapshot!, timestamp: timestamp! },
      { spares, also: { targets } },
    )
    await exchange(
      bench,
      'director',
      { targets: director[0]!, snapshot: director[1]!, timestamp: director[2]! },
      { spares },
    )
    assert.equal(await command(bench.fleet.world, 'ada', 'spring', 'halt', 'keys were stolen'), null)
    assert.equal(await bench.refresh(), 'taken')
    assert.deepEqual(await assigned(bench.site), [], 'nothing is ordered any more')
    serve(bench, { approval: await approval('coup', made, 'approver-0', 'approver-1') })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
  })
})
