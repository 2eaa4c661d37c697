import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { status } from '../../src/apps/fleet/views.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { daysLeft, expiryAlarm, warningDue } from '../../src/core/trust/expiry.ts'
import { nextRoot, withTargets } from '../../src/core/trust/repository.ts'
import { openRepository } from '../../src/flows/keep.ts'
import { publishRelease } from '../../src/flows/publish.ts'
import { renew } from '../../src/flows/renew.ts'
import { acceptRoot } from '../../src/flows/rotate.ts'
import { warn } from '../../src/flows/warn.ts'
import { QuietFleet, sealedBy } from '../worlds/quiet-fleet.ts'

const DAY = 86_400_000

describe('an alarm before an expiry', () => {
  const at = (days: number) => instant(1_900_000_000_000 + days * DAY)
  const rows: [left: number, due: number | null, code: string | undefined][] = [
    [91, null, undefined],
    [90, 90, 'metadata-expires-soon'],
    [31, 90, 'metadata-expires-soon'],
    [30, 30, 'metadata-expires-soon'],
    [7, 7, 'metadata-expires-soon'],
    [1 / DAY, 7, 'metadata-expires-soon'],
    [0, -1, 'metadata-expired'],
    [-1, -1, 'metadata-expired'],
  ]
  for (const [left, due, code] of rows) {
    it(`${left} days before it: ${code ?? 'nothing'}`, () => {
      assert.equal(warningDue(at(left), at(0), [90, 30, 7]), due)
      assert.equal(expiryAlarm('image: root', at(left), at(0), [90, 30, 7])?.code, code)
    })
  }

  it('counts whole days', () => {
    assert.equal(daysLeft(at(2.9), at(0)), 2)
    assert.equal(daysLeft(at(-0.1), at(0)), -1)
  })
})

describe('what only people can renew', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('quay')
  })
  after(() => fleet?.close())

  const told = async () => (await warn(fleet.world)).map(({ code, subject }) => `${code} ${subject}`)
  const logged = async () =>
    (await fleet.entries())
      .filter(({ kind }) => kind === 'repository-alarm')
      .map(({ code, detail }) => `${code} ${detail.subject}`)

  it('is told once for each warning, also over a restart, and once more when it has expired', async () => {
    assert.deepEqual(await told(), [], 'a new fleet')
    fleet.clock.advance(276 * DAY)
    const first = ['metadata-expires-soon image: targets', 'metadata-expires-soon approval: targets']
    assert.deepEqual(await told(), first)
    assert.deepEqual(await told(), [], 'once')
    fleet.open()
    assert.deepEqual(await told(), [], 'a restart tells nothing twice')
    assert.deepEqual(await logged(), first)
    fleet.clock.advance(58 * DAY)
    assert.deepEqual(await told(), [], 'between two warnings')
    fleet.clock.advance(1 * DAY)
    assert.deepEqual(await told(), first)
    fleet.clock.advance(23 * DAY)
    assert.deepEqual(await told(), first)
    fleet.clock.advance(7 * DAY)
    assert.deepEqual(await told(), ['metadata-expired image: targets', 'metadata-expired approval: targets'])
    fleet.clock.advance(30 * DAY)
    assert.deepEqual(await told(), [])
  })

  it('stands in the status until it is signed anew, and then begins afresh', async () => {
    await renew(fleet.world)
    const alarms = async () => (await status(fleet.world)).alarms.map(({ code, subject }) => `${code} ${subject}`)
    assert.deepEqual(await alarms(), ['metadata-expired image: targets', 'metadata-expired approval: targets'])
    const targets = orThrow(await openRepository(fleet.world, 'image')).targets!.signed
    const year = instant(fleet.clock.now() + 365 * DAY)
    const raw = orThrow(withTargets(targets, {}, targets.version + 1, year))
    const metadata = await sealedBy(raw, [fleet.key('release')])
    orThrow(await publishRelease(fleet.world, 'ann', { metadata }))
    assert.deepEqual(await alarms(), ['metadata-expired approval: targets'])
    fleet.clock.advance(276 * DAY)
    assert.deepEqual(await told(), ['metadata-expires-soon image: targets'])
  })

  it('a root near its end is told of as well, and the thresholds are those of the config', async () => {
    const old = orThrow(await openRepository(fleet.world, 'approval')).root.signed
    const soon = instant(Math.ceil((fleet.clock.now() + 20 * DAY) / 1000) * 1000)
    const root = await sealedBy(orThrow(nextRoot(old, {}, soon, crypto)), [fleet.key('approval-root')])
    const expired = await acceptRoot(fleet.world, 'ann', 'approval', { root })
    // The approvals have expired: no client would take them, under any root.
    assert.ok('code' in expired && expired.code === 'metadata-expired')
    const year = instant(fleet.clock.now() + 365 * DAY)
    const before = orThrow(await openRepository(fleet.world, 'approval')).targets!.signed
    const raw = orThrow(withTargets(before, {}, before.version + 1, year))
    const targets = await sealedBy(raw, [fleet.key('approver-0'), fleet.key('approver-1')])
    orThrow(await acceptRoot(fleet.world, 'ann', 'approval', { root, targets }))
    assert.deepEqual(await told(), ['metadata-expires-soon approval: root'])
    const narrow = { ...fleet.world, warningDays: [10] }
    assert.deepEqual(await warn(narrow), [])
  })

  it('a bundle that the server did not renew in time stands in the status', async () => {
    await renew(fleet.world)
    fleet.clock.advance(0.8 * DAY)
    const { alarms, sites } = await status(fleet.world)
    const late = alarms.filter(({ subject }) => subject.endsWith('timestamp')).map(({ subject }) => subject)
    assert.deepEqual(late, ['image: timestamp', 'approval: timestamp', 'director/quay: timestamp'])
    assert.equal(sites.count, 1)
  })
})
