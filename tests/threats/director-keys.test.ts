import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { assigned } from '../../src/flows/relay.ts'
import { Bench } from './bench.ts'
import { exchange, forge, leave, online, order, roleOf, serve } from './thief.ts'

/** Stolen: the director's online keys, which is what somebody inside the fleet server has. All other keys are safe. */
describe("theft of the director's online keys", () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.make()
  })
  afterEach(() => bench?.close())

  /** What the gateway makes of a director that says this. */
  async function told(
    targets: Parameters<typeof forge>[2],
    options: Parameters<typeof forge>[4] = {},
  ): Promise<string> {
    serve(bench, { director: await forge(bench, 'director', targets, online(bench, 'director'), options) })
    return bench.refresh()
  }

  it('the thief can start the waves of an approved plan at once, a try again, or nothing at all', async () => {
    const [envelope] = bench.releases['1.1.0'].targets
    assert.equal(await told([order(envelope, ['c0', 'c1'])]), 'taken', 'c1 was to wait for its wave')
    assert.deepEqual(
      (await assigned(bench.site)).map(({ controller }) => controller),
      ['c0', 'c1'],
    )
    assert.equal(await told([order(envelope, ['c0'], { attempt: 2 })]), 'taken')
    assert.equal(await told([]), 'taken')
    assert.deepEqual(await assigned(bench.site), [], 'withheld')
  })

  it('attack: the stolen director installs nothing that was not approved, planned and published', async () => {
    const [planned] = bench.releases['1.1.0'].targets
    const [published] = bench.releases['1.2.0'].targets
    const foreign = await bench.make('6.6.6')
    const codes: Record<string, string> = {}
    for (const [name, targets, options] of [
      ['a release that nobody published', [order(foreign.targets[0], ['c0'])]],
      ['a release that nobody planned', [order(published, ['c0'])]],
      ['a campaign that nobody approved', [order(published, ['c0'], { campaign: 'ghost' })]],
      ['other bytes under a planned name', [order({ ...planned, sha256: '0'.repeat(64) }, ['c0'])]],
      ['another class', [order(planned, ['c0'], { class: 'pcs' })]],
      ['other hardware', [order(planned, ['c0'], { hardware: 'r2' })]],
      ['a controller of nobody', [order(planned, ['c9'])]],
      ['one controller twice', [order(planned, ['c0']), order(published, ['c0'])]],
      ['the files of another site', [order(planned, ['c0'])], { site: 'reef' }],
    ] as const) {
      codes[name] = await told(targets, options)
    }
    assert.deepEqual(codes, {
      'a release that nobody published': 'assignment-target-missing',
      'a release that nobody planned': 'assignment-not-planned',
      'a campaign that nobody approved': 'assignment-not-approved',
      'other bytes under a planned name': 'assignment-target-disagrees',
      'another class': 'assignment-wrong-class',
      'other hardware': 'assignment-wrong-hardware',
      'a controller of nobody': 'assignment-controller-unknown',
      'one controller twice': 'assignment-controller-twice',
      'the files of another site': 'metadata-wrong-site',
    })
    assert.equal(await bench.deliver(bench.controllers[0]!), 'metadata-wrong-site')
    leave(bench)
  })

  it('attack: the stolen director brings no controller below its counter, or back to an older version', async () => {
    const [c0] = bench.controllers
    assert.equal(await bench.deliver(c0!), '1.1.0')
    // An approved plan for the old release exists; the director orders it again.
    assert.equal(await told([order(bench.releases['1.1.0'].targets[0], ['c0'], { attempt: 9 })]), 'taken')
    const { envelope, image } = bench.releases['1.0.0']
    assert.equal(bench.install(c0!, envelope, image), 'release-not-newer')
  })

  it('attack: raised version numbers of a stolen director end with new keys by the root', async () => {
    const spares = ['targets', 'snapshot', 'timestamp'].map(role => bench.fleet.newKey(`new-${role}`))
    assert.equal(await told([], { version: 2 ** 40 }), 'taken')
    leave(bench)
    assert.equal(await bench.refresh(), 'metadata-rollback', 'the honest director is behind for ever')
    const [targets, snapshot, timestamp] = spares.map(signer => roleOf(1, signer))
    await exchange(bench, 'director', { targets: targets!, snapshot: snapshot!, timestamp: timestamp! }, { spares })
    assert.equal(await bench.refresh(), 'taken')
    assert.deepEqual(
      (await assigned(bench.site)).map(({ controller }) => controller),
      ['c0'],
      'the honest order',
    )
    // The stolen keys are worth nothing from now on.
    assert.equal(await told([], { version: 2 ** 41 }), 'metadata-below-threshold')
  })
})
