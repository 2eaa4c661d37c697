import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SimElement } from '../../sim/secure-element/sim-element.ts'
import { count, inventory, sites, versions } from '../../src/apps/fleet/inventory.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { parseQuery } from '../../src/core/fleet/query.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import { checkStore } from '../../src/flows/check.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

const CONTROLLERS = 3

/** A fleet of two sites whose controllers have all reported, and the elements that signed. */
async function heard(): Promise<{
  fleet: QuietFleet
  say: (site: string, n: number, sequence: number) => Promise<void>
}> {
  const fleet = await QuietFleet.make({ approvers: 1, threshold: 1 })
  const elements = new Map<string, SimElement>()
  for (const site of ['pier', 'quay']) {
    const own = Array.from({ length: CONTROLLERS }, () => new SimElement({}))
    await fleet.site(site, CONTROLLERS, { reports: own.map(({ reportKey }) => reportKey.spki) })
    for (const [n, element] of own.entries()) elements.set(`${site}/c${n}`, element)
  }
  const say = async (site: string, n: number, sequence: number): Promise<void> => {
    const report: Report = {
      kind: 'voltseal-report',
      v: 1,
      site,
      controller: `c${n}`,
      sequence,
      at: instant(1_800_000_000_000),
      event: 'boot',
      state: 'stable',
      running: { version: `1.${sequence}.0`, sequence, digest: 'ab'.repeat(32), slot: 'a' },
      counter: 7,
      anchors: ['cd'.repeat(32)],
      attempts: [],
    }
    const signature = elements.get(`${site}/c${n}`)!.signReport(orThrow(reportBytes(report)))
    const row = (await fleet.world.store.controller(site, `c${n}`))!
    const seenAt = fleet.clock.now()
    await fleet.world.store.commit({
      controllers: [{ ...row, report: sealReport(report, signature), sequence, seenAt }],
    })
  }
  for (const site of ['pier', 'quay']) for (let n = 0; n < CONTROLLERS; n += 1) await say(site, n, 1)
  return { fleet, say }
}

describe('the check of the store against what was signed', () => {
  let fleet: QuietFleet
  let say: Awaited<ReturnType<typeof heard>>['say']
  before(async () => {
    const made = await heard()
    fleet = made.fleet
    say = made.say
  })
  after(() => fleet?.close())

  const check = () => checkStore(fleet.world, null, 1000)
  const signals = async () => (await fleet.entries()).filter(({ kind }) => kind === 'intrusion-signal')
  const attested = async (id: string) =>
    (await fleet.world.store.inventory.page({ sites: ['quay'] }, null, 10)).find(row => row.id === id)?.attested

  it('finds nothing in a store that nobody touched, and writes nothing', async () => {
    const was = (await fleet.world.store.log()).size
    assert.deepEqual(await check(), { controllers: 6, next: null, findings: [] })
    assert.equal((await fleet.world.store.log()).size, was)
  })

  it('attack: a question about the whole fleet by who may see one site', async () => {
    const reach = { regions: new Set<string>(), sites: new Set(['quay']) }
    const page = orThrow(await inventory(fleet.world, reach, {}))
    assert.deepEqual([...new Set(page.items.map(({ site }) => site))], ['quay'])
    assert.deepEqual(
      orThrow(await sites(fleet.world, reach, { class: 'bms' })).items.map(({ site }) => site),
      ['quay'],
    )
    assert.deepEqual(orThrow(await sites(fleet.world, reach, { site: 'pier' })).items, [])
    assert.deepEqual(orThrow(await count(fleet.world, reach, {})), { controllers: 3, sites: 1, unknown: 0 })
    const [map] = orThrow(await versions(fleet.world, reach, { by: 'fleet' })).items
    assert.equal(
      map?.versions.reduce((sum, { controllers }) => sum + controllers, 0),
      3,
    )
    const nobody = { regions: new Set(['elsewhere']), sites: new Set<string>() }
    assert.deepEqual(orThrow(await inventory(fleet.world, nobody, { site: 'quay' })).items, [])
  })

  it('goes on site by site, so that a server can answer others in between', async () => {
    const first = await checkStore(fleet.world, null, 1)
    assert.deepEqual(first, { controllers: 3, next: 'pier', findings: [] })
    const second = await checkStore(fleet.world, first.next, 1)
    assert.deepEqual(second, { controllers: 3, next: 'quay', findings: [] })
    assert.deepEqual(await checkStore(fleet.world, second.next, 1), { controllers: 0, next: null, findings: [] })
  })

  const rows: [name: string, change: string, code: string, subject: string][] = [
    [
      'a newer version than is attested',
      "UPDATE inventory SET version = '9.0.0' WHERE site = 'quay' AND id = 'c1'",
      'inventory-row-differs',
      'quay/c1',
    ],
    [
      'a counter above the attested one',
      "UPDATE inventory SET counter = 99 WHERE site = 'quay' AND id = 'c1'",
      'inventory-row-differs',
      'quay/c1',
    ],
    [
      'a golden controller shown as stable, the other way round',
      "UPDATE inventory SET state = 'golden' WHERE site = 'quay' AND id = 'c1'",
      'inventory-row-differs',
      'quay/c1',
    ],
    [
      'a controller moved to another region',
      "UPDATE inventory SET region = 'elsewhere' WHERE site = 'quay' AND id = 'c1'",
      'inventory-row-differs',
      'quay/c1',
    ],
    [
      'a controller hidden as removed',
      "UPDATE inventory SET standing = 'removed' WHERE site = 'quay' AND id = 'c1'",
      'inventory-row-differs',
      'quay/c1',
    ],
    [
      'a controller that sorts as a newer version than it has, so that no range finds it',
      "UPDATE inventory SET version_key = x'00000009' WHERE site = 'quay' AND id = 'c1'",
      'inventory-row-differs',
      'quay/c1',
    ],
    [
      'fewer controllers of a version than there are',
      "UPDATE site_tally SET n = 1 WHERE site = 'quay'",
      'inventory-count-differs',
      'site quay',
    ],
    [
      'more controllers of the fleet than its sites have',
      'UPDATE fleet_tally SET n = 99',
      'inventory-count-differs',
      'the fleet',
    ],
    [
      'a site that no label leads to',
      "INSERT INTO label_tally VALUES ('critical', 'quay', 2)",
      'inventory-count-differs',
      'site quay',
    ],
    ['a row taken out', "DELETE FROM inventory WHERE site = 'quay' AND id = 'c1'", 'inventory-row-differs', 'quay/c1'],
    [
      'a controller that nobody registered',
      "INSERT INTO inventory (site, id, region, class, hardware, standing, said, version, version_key) VALUES ('quay', 'c7', 'nl', 'bms', 'r1', 'enrolled', 'attested', '1.1.0', x'000000010000000100000000ff')",
      'inventory-row-differs',
      'quay/c7',
    ],
  ]
  for (const [name, change, code, subject] of rows) {
    it(`attack: ${name}, beside the server`, async () => {
      const before = await attested('c1')
      fleet.beside(change)
      const told = (await signals()).length
      const { findings } = await check()
      assert.deepEqual(
        findings.map(finding => [finding.code, finding.subject]),
        [[code, subject]],
      )
      assert.equal((await signals()).length, told + 1, 'it is in the log')
      assert.deepEqual(await attested('c1'), before, 'and written anew from the report')
      assert.equal((await check()).findings.length, 0, 'so that the next check finds nothing')
    })
  }

  it('keeps what is claimed of a controller whose row was changed, and of one that nobody has enrolled', async () => {
    fleet.beside(`UPDATE inventory SET claimed_version = '1.0.0', claimed_at = 5, counter = 99 WHERE id = 'c1';
      INSERT INTO inventory (site, id, region, class, hardware, standing, said, version, version_key, claimed_version)
      VALUES ('reef', 'c0', 'nl', 'bms', 'r1', 'imported', 'claimed', '2.0.0', x'00000001', '2.0.0')`)
    const { findings } = await check()
    assert.deepEqual(
      findings.map(({ subject }) => subject),
      ['pier/c1', 'quay/c1', 'reef/c0'],
    )
    const below = orThrow(parseQuery({ version: '>=2.0' }, instant(0)))
    const found = await fleet.world.store.inventory.page(below, null, 10)
    assert.deepEqual(
      found.map(({ site, claim }) => [site, claim?.version]),
      [['reef', '2.0.0']],
    )
    const [, c1] = await fleet.world.store.inventory.page({ sites: ['quay'] }, null, 10)
    assert.deepEqual([c1?.claim?.version, c1?.attested?.counter], ['1.0.0', 7])
    fleet.beside("DELETE FROM inventory WHERE site = 'reef'; UPDATE inventory SET claimed_version = '', claimed_at = 0")
    assert.equal((await check()).findings.length, 0)
  })

  it('attack: a row that somebody changed is not shown as attested, before any check has found it', async () => {
    fleet.beside("UPDATE inventory SET version = '9.9.9', version_key = x'ff' WHERE site = 'quay' AND id = 'c2'")
    const page = orThrow(await inventory(fleet.world, 'all', { site: 'quay' }))
    assert.deepEqual(
      page.items.map(({ id, attested, fault }) => [id, attested?.version, fault]),
      [
        ['c0', '1.1.0', null],
        ['c1', '1.1.0', null],
        ['c2', undefined, 'inventory-row-differs'],
      ],
    )
    assert.equal((await check()).findings.length, 1)
  })

  it('attack: a report that its controller never signed is taken out, and nothing counts as attested', async () => {
    const row = (await fleet.world.store.controller('quay', 'c1'))!
    const text = Buffer.from(row.report!).toString().replace('"counter":7', '"counter":8')
    await fleet.world.store.commit({ controllers: [{ ...row, report: Buffer.from(text), sequence: row.sequence + 1 }] })
    assert.equal((await attested('c1'))?.counter, 8, 'the store believes who writes to it')
    const { findings } = await check()
    assert.deepEqual(
      findings.map(({ code, subject }) => [code, subject]),
      [['report-signature-invalid', 'report of quay/c1']],
    )
    assert.match(findings[0]!.actual, /SHA-256 [0-9a-f]{64}$/, 'what was there can be told')
    assert.equal(await attested('c1'), null)
    assert.equal(
      (await fleet.world.store.controller('quay', 'c1'))?.sequence,
      row.sequence + 1,
      'no older report is taken',
    )
    assert.equal((await check()).findings.length, 0)
    await say('quay', 1, row.sequence + 2)
    assert.equal((await attested('c1'))?.counter, 7, 'and its next word counts')
  })
})
