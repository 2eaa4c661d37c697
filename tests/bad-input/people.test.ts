import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { ask, log, standing } from '../worlds/people.ts'
import { QUAY } from '../worlds/quay.ts'
import { started } from '../worlds/started.ts'
import { FLEET_ROWS } from './fleet-rows.ts'
import { fill, type Place } from './place.ts'
import { PLAN_ROWS } from './plan-rows.ts'
import { RELEASE_ROWS } from './release-rows.ts'
import { judge } from './rows.ts'

describe('bad input, where a person meets it', () => {
  let place: Place
  before(async () => {
    place = await started(QUAY, fill)
  })
  after(() => place?.world.stop())

  for (const row of [...RELEASE_ROWS, ...FLEET_ROWS, ...PLAN_ROWS]) {
    it(`${row.name}: ${row.code}`, async () => {
      const { world } = place
      const [was, entries] = [await standing(world), await log(world)]
      judge(row, await row.meet(place))
      assert.deepEqual(await standing(world), was, 'nothing is published, planned or ordered')
      const more = (await log(world)).slice(entries.length)
      assert.deepEqual(
        more.map(({ kind, code }) => [kind, code]),
        Array.from({ length: row.logged ?? 0 }, () => ['access-refused', row.code]),
        'the log says of the attempt, and of nothing else',
      )
      assert.ok(!existsSync(world.at('bad.release')), 'no half release')
    })
  }

  it('after all of it the log verifies, and the next good input is taken', async () => {
    const { world } = place
    assert.equal(((await world.must('audit', 'verify')) as { sound: boolean }).sound, true)
    const [path] = await world.publish(world.at('bms-1.9.0.release'))
    const known = (await ask<{ path: string }[]>(world, '/v1/releases')).map(release => release.path)
    assert.ok(known.includes(path!))
  })

  it('a good plan file says what it would do, and keeps nothing', async () => {
    const { world, releases } = place
    const path = world.at('good.yaml')
    const rules =
      "{ windows: [{ days: [mon, sat], from: '01:00', to: '03:00' }], budgets: [{ per: site, watts: 1MW }] }"
    const head = `id: dry\nreleases: [${releases.good}]\nvalidFor: 30d\nrules: ${rules}\n`
    writeFileSync(path, `${head}waves:\n  - { name: one, take: { count: 1 } }\n  - { name: rest, take: rest }\n`)
    type Dry = {
      kept: boolean
      plan: { waves: { name: string }[] }
      preview: { waves: { wattsAtOnce: number }[]; sites: { windows: { localFrom: string }[]; steps: unknown[] }[] }
    }
    const dry = (await world.must('campaign', 'plan', path, '--dry-run')) as Dry
    assert.equal(dry.kept, false)
    assert.deepEqual(
      dry.plan.waves.map(({ name }) => name),
      ['one', 'rest'],
    )
    assert.equal(dry.preview.waves.length, 2)
    assert.match(dry.preview.sites[0]?.windows[0]?.localFrom ?? '', /^(?:Mon|Sat) \d{4}-\d\d-\d\d \d\d:\d\d$/)
    assert.ok((dry.preview.sites[0]?.steps.length ?? 0) > 0)
    const known = await ask<{ id: string }[]>(world, '/v1/campaigns')
    assert.ok(!known.some(({ id }) => id === 'dry'))
  })

  it('what ran when a turn began is kept: the view says from which version', async () => {
    const view = (await place.world.must('campaign', 'show', 'raise')) as {
      controllers: { from: string; to: string }[]
    }
    assert.deepEqual(
      view.controllers.map(({ from, to }) => [from, to]),
      [
        ['1.0.0', '1.1.0'],
        ['1.0.0', '1.1.0'],
      ],
    )
  })
})
