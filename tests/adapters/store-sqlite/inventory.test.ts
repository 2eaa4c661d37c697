import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { openFleetStore, type SqliteFleetStore } from '../../../src/adapters/store-sqlite/fleet.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import { inRange, parseVersionRange } from '../../../src/core/firmware/version-range.ts'
import { NO_INCIDENTS } from '../../../src/core/fleet/incidents.ts'
import type { InventoryRow } from '../../../src/core/fleet/inventory-row.ts'
import { type ControllerQuery, isCounted, type Position, parseQuery, type Said } from '../../../src/core/fleet/query.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import type { ControllerRow } from '../../../src/flows/ports.ts'
import { controllerRow, type Drawn, siteRow } from '../../worlds/inventory.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-inventory-'))
let files = 0
const open = (): SqliteFleetStore => orThrow(openFleetStore(join(root, `${++files}.sqlite`)))
after(() => rmSync(root, { recursive: true, force: true }))

const KIDS = ['aa', 'bb'].map(two => two.repeat(32))
const VERSIONS = ['1.0.0', '1.10.0', '1.9.0', '2.0.0-rc.1', '2.0.0']

/** A fleet whose controllers differ in everything that can be asked for. */
function drawn(): Drawn[] {
  const fleet: Drawn[] = []
  for (let n = 0; n < 240; n += 1) {
    const site = `site-${String(n % 12).padStart(2, '0')}`
    const place = { site, region: n % 12 < 7 ? 'nl' : 'de', id: `c${n}`, class: ['pcs', 'bms', 'ems'][n % 3]! }
    const labels = ['critical', 'spare', 'old'].filter((_, bit) => (n >> bit) % 5 === 0)
    const where = { rack: `Rack ${n % 4}`, ...(n % 6 === 0 ? { cabinet: 'C1' } : {}), labels }
    const said = {
      sequence: 1 + n,
      version: VERSIONS[(n * 7) % VERSIONS.length]!,
      state: n % 17 === 0 ? 'golden' : n % 13 === 0 ? 'trial' : 'stable',
      counter: n % 9,
      anchors: n % 5 === 0 ? KIDS : [KIDS[n % 2]!],
      seenAt: 1_800_000_000_000 + ((n * 31) % 100) * 1000,
    } as const
    fleet.push(n % 11 === 0 ? { ...place, ...where } : { ...place, ...where, said })
  }
  return fleet
}

/** Whose records claim 1.0.0, of those that attest something. */
const isClaimed = ({ id, said }: Drawn): boolean => said !== undefined && Number(id.slice(1)) % 4 === 0

/** The same question answered row by row, from what was drawn. */
function matches(one: Drawn, query: ControllerQuery): boolean {
  const said: Said = one.said === undefined ? 'nothing' : 'attested'
  const within = <T>(some: readonly T[] | undefined, value: T): boolean => some === undefined || some.includes(value)
  if (query.reach !== undefined && !query.reach.regions.includes(one.region) && !query.reach.sites.includes(one.site)) {
    return false
  }
  const { counter, version, labels, anchor, lacksAnchor, seenBefore, differs } = query
  return (
    within(query.classes, one.class) &&
    within(query.regions, one.region) &&
    within(query.sites, one.site) &&
    (query.named === undefined || query.named.every(word => one.site.includes(word) || one.region.includes(word))) &&
    within(query.said, said) &&
    (query.states === undefined || (one.said !== undefined && query.states.includes(one.said.state))) &&
    (query.rack === undefined || query.rack === one.rack) &&
    (query.cabinet === undefined || query.cabinet === one.cabinet) &&
    (labels === undefined || labels.every(label => one.labels?.includes(label))) &&
    (version === undefined || (one.said !== undefined && inRange(one.said.version as Version, version))) &&
    (counter === undefined ||
      (one.said !== undefined &&
        one.said.counter >= (counter.min ?? 0) &&
        one.said.counter <= (counter.max ?? Infinity))) &&
    (anchor === undefined || one.said?.anchors.includes(anchor) === true) &&
    (lacksAnchor === undefined || one.said?.anchors.includes(lacksAnchor) === false) &&
    (differs === undefined || (isClaimed(one) && one.said?.version !== '1.0.0')) &&
    (seenBefore === undefined || (one.said?.seenAt ?? 0) < seenBefore)
  )
}

const query: fc.Arbitrary<ControllerQuery> = fc.record(
  {
    classes: fc.subarray(['pcs', 'bms', 'ems', 'none'], { minLength: 1 }),
    version: fc
      .constantFrom('<2.0', '>=1.9', '=1.10.0', '1.0.0..2.0.0', '>2.0.0-rc.1', '<=1.9.0', '<1.0')
      .map(text => orThrow(parseVersionRange(text, 'version'))),
    counter: fc.constantFrom({ max: 6 }, { min: 7 }, { min: 2, max: 2 }, { max: 0 }),
    regions: fc.subarray(['nl', 'de'], { minLength: 1 }),
    sites: fc.subarray(['site-00', 'site-03', 'site-11', 'nowhere'], { minLength: 1 }),
    named: fc.subarray(['0', 'te-1', 'nl', 'nowhere'], { minLength: 1 }),
    labels: fc.subarray(['critical', 'spare', 'none'], { minLength: 1 }),
    rack: fc.constantFrom('Rack 1', 'Rack 9'),
    anchor: fc.constantFrom(...KIDS),
    lacksAnchor: fc.constantFrom(...KIDS),
    states: fc.subarray(['stable', 'trial', 'golden'] as const, { minLength: 1 }),
    said: fc.subarray(['attested', 'claimed', 'nothing'] as const, { minLength: 1 }),
    reach: fc.record({ regions: fc.subarray(['nl', 'nowhere']), sites: fc.subarray(['site-03', 'site-11']) }),
    seenBefore: fc.constantFrom(instant(1_800_000_050_000), instant(1_800_000_000_000)),
    differs: fc.constant(true as const),
  },
  { requiredKeys: [] },
)

/** All pages of a question, a few rows at a time. */
async function allOf({ inventory }: SqliteFleetStore, asked: ControllerQuery, limit: number): Promise<InventoryRow[]> {
  const rows: InventoryRow[] = []
  let after: Position | null = null
  for (;;) {
    const page: InventoryRow[] = await inventory.page(asked, after, limit)
    rows.push(...page)
    const last = page.at(-1)
    if (last === undefined || page.length < limit) return rows
    after = { site: last.site, id: last.id, seen: last.seenAt ?? 0 }
  }
}

const names = (rows: readonly { site: string; id: string }[]): string[] => rows.map(({ site, id }) => `${site}/${id}`)

describe('questions about the inventory', () => {
  const fleet = drawn()
  let store: SqliteFleetStore
  before(async () => {
    store = open()
    for (const site of new Set(fleet.map(one => one.site))) {
      const own = fleet.filter(one => one.site === site)
      await store.commit({ sites: [siteRow(site, own[0]!.region, own)], controllers: own.map(controllerRow) })
    }
    await store.imports.begin({ id: 1, name: 'list.csv', person: 'ann', header: [], decided: false })
    const claim = { version: '1.0.0' as Version, at: instant(1) }
    const claims = fleet.filter(isClaimed).map((one, line) => {
      const { site, id, region, class: of } = one
      return {
        line,
        row: { site, id, region, class: of, hardware: 'r1', cabinet: null, rack: null, labels: [], claim },
      }
    })
    await store.imports.stage(claims)
    await store.commit({ importDecided: 1 })
    assert.equal(await store.imports.apply(1000), 0)
  })
  after(() => store.close())

  it('knows the version that each controller attested, and none of one that has said nothing', async () => {
    for (const { site, id, said } of fleet) assert.equal(await store.attestedVersion(site, id), said?.version ?? '', id)
    assert.equal(await store.attestedVersion('site-00', 'nobody'), '')
  })

  it('answers every question as one that reads all rows, page by page, and its counts agree', async () => {
    await fc.assert(
      fc.asyncProperty(query, fc.integer({ min: 1, max: 50 }), async (asked, limit) => {
        const expected = fleet.filter(one => matches(one, asked))
        const found = await allOf(store, asked, limit)
        assert.deepEqual(names(found).sort(), names(expected).sort())
        const order = found.map(({ seenAt, site, id }) => [
          asked.seenBefore === undefined ? 0 : (seenAt ?? 0),
          site,
          id,
        ])
        assert.deepEqual(
          order,
          order.toSorted(([a, b, c], [x, y, z]) =>
            a! < x! || (a === x && (b! < y! || (b === y && c! < z!))) ? -1 : 1,
          ),
        )
        const sites = await store.inventory.sites(asked, null, 1000)
        const bySite = Map.groupBy(expected, one => one.site)
        assert.deepEqual(
          sites.map(({ site, controllers }) => [site, controllers]),
          [...bySite].map(([site, some]) => [site, some.length]).sort(),
        )
        const counts = [await store.inventory.count(asked), await store.inventory.countSites(asked)]
        assert.deepEqual(counts, isCounted(asked) ? [expected.length, bySite.size] : [null, null])
        for (const by of ['fleet', 'region', 'site', 'rack', 'cabinet'] as const) {
          const versions = await store.inventory.versions(asked, by)
          assert.equal(
            versions.reduce((sum, { controllers }) => sum + controllers, 0),
            expected.length,
            by,
          )
        }
      }),
      { numRuns: 80, seed: 7 },
    )
  })

  it('maps versions from the rack to the fleet', async () => {
    const counted = (by: 'fleet' | 'region' | 'site' | 'rack', asked: ControllerQuery = {}) =>
      store.inventory.versions({ classes: ['pcs'], ...asked }, by)
    const place = {
      fleet: () => '',
      region: (d: Drawn) => d.region,
      site: (d: Drawn) => d.site,
      rack: (d: Drawn) => d.rack!,
    }
    for (const by of ['fleet', 'region', 'site', 'rack'] as const) {
      const asked = by === 'rack' ? { sites: ['site-03'] } : {}
      const expected = new Map<string, number>()
      for (const one of fleet.filter(d => d.class === 'pcs' && (by !== 'rack' || d.site === 'site-03'))) {
        const key = [place[by](one), one.said?.version ?? '', one.said === undefined ? 'nothing' : 'attested'].join(' ')
        expected.set(key, (expected.get(key) ?? 0) + 1)
      }
      const found = (await counted(by, asked)).map(
        v => [[v.place, v.version, v.said].join(' '), v.controllers] as const,
      )
      assert.deepEqual(new Map(found), expected, by)
    }
    const order = (await counted('fleet')).map(({ version }) => version)
    assert.deepEqual(order, ['', '1.0.0', '1.9.0', '1.10.0', '2.0.0-rc.1', '2.0.0'], 'in the order of versions')
  })

  it('shows of a row what its report says', async () => {
    const one = fleet.find(({ said }) => said?.state === 'trial')!
    const [row] = await store.inventory.page({ sites: [one.site] }, { site: one.site, id: before_(one.id), seen: 0 }, 1)
    assert.deepEqual(
      [row!.id, row!.attested?.running.version, row!.attested?.counter, row!.attested?.anchors, row!.attested?.state],
      [one.id, one.said!.version, one.said!.counter, one.said!.anchors, 'trial'],
    )
    assert.deepEqual(
      [row!.standing, row!.labels, row!.rack, row!.seenAt],
      ['enrolled', [...one.labels!].sort(), one.rack, one.said!.seenAt],
    )
  })

  it('attack: a question that goes through all sites holds nobody else up', async () => {
    let [others, over] = [0, false]
    const come = (): void => {
      others += 1
      if (!over) setImmediate(come)
    }
    setImmediate(come)
    for (let n = 0; n < 100; n += 1) await store.inventory.rowsOf('site-03')
    assert.ok(others > 3, `${others} turns of others`)
    const before = others
    for (let n = 0; n < 100; n += 1) await store.inventory.page({ sites: ['site-03'] }, null, 10)
    assert.ok(others > before + 3)
    over = true
  })

  it('attack: what is asked is bound and never part of a statement', async () => {
    const evil = "x' OR '1'='1"
    for (const asked of [
      { classes: [evil] },
      { sites: [evil] },
      { sites: ['site-00'], rack: evil },
      { labels: [evil] },
    ]) {
      assert.deepEqual(await store.inventory.page(asked, null, 10), [], JSON.stringify(asked))
    }
    assert.equal((await store.inventory.page({}, null, 1000)).length, fleet.length)
  })
})

/** A name just below another one. */
const before_ = (id: string): string => `${id.slice(0, -1)}${String.fromCharCode(id.charCodeAt(id.length - 1) - 1)}~`

describe('the experience with versions', () => {
  it('attack: a controller that tells figures beyond all numbers keeps nobody from reading or writing it', async () => {
    const store = open()
    const counts = { ...NO_INCIDENTS, alarm: Number.MAX_SAFE_INTEGER }
    const one = { class: 'pcs', version: '1.0.0', watched: millis(5), counts }
    for (let n = 0; n < 3; n += 1) await store.commit({ experience: [one] })
    const [sum] = await store.inventory.experience(null)
    assert.deepEqual([sum?.watched, sum?.counts.alarm], [15, Number.MAX_SAFE_INTEGER])
    store.close()
  })
})

describe('the roll-ups', () => {
  it('agree with the rows after whatever was written, and count nobody who was taken out', async () => {
    const store = open()
    const word = fc.record({
      site: fc.constantFrom('a', 'b'),
      keeps: fc.subarray(['c0', 'c1', 'c2', 'c3'], { minLength: 1 }),
      class: fc.constantFrom('pcs', 'bms'),
      labels: fc.subarray(['x', 'y']),
      region: fc.constantFrom('nl', 'de'),
      says: fc.constantFrom(...VERSIONS, 'no version', ''),
      state: fc.constantFrom('stable' as const, 'trial' as const),
    })
    let sequence = 0
    await fc.assert(
      fc.asyncProperty(word, async ({ site, keeps, class: of, labels, region, says, state }) => {
        sequence += 1
        const own = keeps.map((id): Drawn => ({ site, region, id, class: of, labels }))
        const said = { sequence, version: says, state, counter: sequence % 3, anchors: [], seenAt: sequence }
        const rows: ControllerRow[] = own.map(one => controllerRow(says === '' ? one : { ...one, said }))
        await store.commit({ sites: [siteRow(site, region, own)], controllers: rows })
        for (const each of ['a', 'b']) assert.equal(await store.inventory.tallyFault(each), null)
        assert.equal(await store.inventory.fleetTallyFault(), null)
        assert.deepEqual(
          names(await store.inventory.page({ sites: [site] }, null, 10)),
          keeps.map(id => `${site}/${id}`).sort(),
        )
        const labelled = await store.inventory.page({ sites: [site], labels: ['x'] }, null, 10)
        assert.equal(labelled.length, labels.includes('x') ? keeps.length : 0)
      }),
      { numRuns: 80, seed: 7 },
    )
    store.close()
  })

  it('are found out when somebody changes them', async () => {
    const file = join(root, `${++files}.sqlite`)
    const one: Drawn = { site: 'a', region: 'nl', id: 'c0', class: 'pcs' }
    const made = orThrow(openFleetStore(file))
    await made.commit({ sites: [siteRow('a', 'nl', [one])], controllers: [controllerRow(one)] })
    made.close()
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(file)
    database.exec("UPDATE site_tally SET n = 5 WHERE site = 'a'")
    database.close()
    const store = orThrow(openFleetStore(file))
    assert.match((await store.inventory.tallyFault('a'))!, /site a differ/)
    assert.match((await store.inventory.fleetTallyFault())!, /of the fleet differ/)
    store.close()
  })

  it('know no set of names that a transaction made which was undone', async () => {
    const file = join(root, `${++files}.sqlite`)
    orThrow(openFleetStore(file)).close()
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(file)
    database.exec(`CREATE TRIGGER full BEFORE INSERT ON inventory WHEN NEW.site = 'full'
      BEGIN SELECT RAISE(ABORT, 'no room'); END`)
    database.close()
    const store = orThrow(openFleetStore(file))
    const { imports } = store
    await imports.begin({ id: 1, name: 'list.csv', person: 'ann', header: [], decided: false })
    const row = { region: 'nl', class: 'pcs', hardware: 'r1', cabinet: null, rack: null, claim: null }
    await imports.stage([{ line: 2, row: { ...row, site: 'full', id: 'c0', labels: ['x'] } }])
    await store.commit({ importDecided: 1 })
    await assert.rejects(imports.apply(10), /no room/)
    const labels = { a: 'y', b: 'x' }
    for (const [site, label] of Object.entries(labels)) {
      const one: Drawn = { site, region: 'nl', id: 'c0', class: 'pcs', labels: [label] }
      await store.commit({ sites: [siteRow(site, 'nl', [one])], controllers: [controllerRow(one)] })
    }
    for (const [site, label] of Object.entries(labels)) {
      assert.deepEqual(names(await store.inventory.page({ labels: [label] }, null, 10)), [`${site}/c0`])
    }
    store.close()
  })

  it('a question by words is the question that the store answers', async () => {
    const store = open()
    const one: Drawn = {
      site: 'a',
      region: 'nl',
      id: 'c0',
      class: 'pcs',
      said: { sequence: 1, version: '4.1.0', state: 'stable', counter: 6, anchors: [], seenAt: 5 },
    }
    await store.commit({ sites: [siteRow('a', 'nl', [one])], controllers: [controllerRow(one)] })
    for (const [words, found] of [
      [{ class: 'pcs', version: '<4.2' }, 1],
      [{ class: 'pcs', version: '<4.1' }, 0],
      [{ counter: '<7' }, 1],
      [{ counter: '>=7' }, 0],
    ] as const) {
      assert.equal(await store.inventory.count(orThrow(parseQuery(words, instant(0)))), found, JSON.stringify(words))
    }
    store.close()
  })
})
