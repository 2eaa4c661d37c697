import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { World } from '../../../sim/doors/world.ts'
import { fleetFiles } from '../../../src/apps/fleet/files.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import type { IncidentsView, InventoryView, VersionSaidView, VersionsView } from '../../../src/wire/inventory-views.ts'
import { fleetUrl, log, tls, voltseal } from '../../worlds/people.ts'
import { image, QUAY, quay } from '../../worlds/quay.ts'
import { rest, started } from '../../worlds/started.ts'
import { handOver, speaker } from '../../worlds/upstream.ts'

const SITE = quay(3)
const placed = (SITE.controllers as Record<string, unknown>[]).map((one, n) => ({
  ...one,
  rack: `Rack ${n % 2}`,
  labels: n === 0 ? ['critical'] : ['plain'],
}))

describe('questions about the inventory on the command line', () => {
  let world: World
  before(async () => {
    world = await started({ ...QUAY, site: { ...SITE, controllers: placed } }, async fresh => {
      await fresh.reported()
      await rest(fresh)
      await fresh.publish(await fresh.release('bms', '1.1.0', image(2)))
      await fresh.campaign('spring', ['bms/1.1.0/envelope.suit'])
      const say = await speaker(fresh, 'bms-2')
      const attempt = {
        version: '1.1.0',
        sequence: 9,
        digest: '',
        at: 1_800_000_000_000,
        phase: 'trial',
        cause: 'tries spent; boot a',
      }
      await handOver(fresh, [
        { kind: 'report', bytes: say({ event: 'reverted', attempts: [attempt as never] }) },
        { kind: 'report', bytes: say({ event: 'boot', attempts: [attempt as never], counter: 9 }) },
        {
          kind: 'report',
          bytes: say({
            event: 'boot',
            running: { version: '2.0.0-rc.1', sequence: 3, digest: 'cd'.repeat(32), slot: 'b' },
          }),
        },
      ])
      return fresh
    })
  })
  after(() => world?.stop())

  const fleet = async <T>(...argv: string[]): Promise<T> => {
    const ended = await voltseal(world, ['fleet', ...argv])
    assert.equal(ended.exit, 0, ended.said)
    return ended.json as T
  }
  type Found = { controllers: number | null; sites: number | null; unknown: number; items: InventoryView[] }
  const ids = ({ items }: Found): string[] => items.map(({ id }) => id)

  const rows: [argv: string, ids: string[]][] = [
    ['', ['bms-1', 'bms-2', 'bms-3']],
    ['--class bms --version <2.0', ['bms-1', 'bms-2', 'bms-3']],
    ['--version <1.5', ['bms-1', 'bms-3']],
    ['--version >=1.5', ['bms-2']],
    ['--label critical', ['bms-1']],
    ['--site quay --rack=Rack\u00a00', []],
    ['--region nl-west --state stable', ['bms-1', 'bms-2', 'bms-3']],
    ['--region nowhere', []],
    ['--said claimed,nothing', []],
    ['--seen-before 1h', []],
    ['--differs', []],
  ]
  for (const [argv, expected] of rows) {
    it(`fleet controllers ${argv}: ${expected.join(', ') || 'none'}`, async () => {
      const found = await fleet<Found>('controllers', ...argv.split(' ').filter(Boolean))
      assert.deepEqual(ids(found), expected)
      assert.ok(found.controllers === null || found.controllers === expected.length)
    })
  }

  it('who is below a floor, and in one rack', async () => {
    const all = await fleet<Found>('controllers')
    const counter = all.items[0]!.attested!.counter
    assert.deepEqual(ids(await fleet('controllers', '--counter', `<${counter + 1}`)), ['bms-1', 'bms-2', 'bms-3'])
    assert.deepEqual(ids(await fleet('controllers', '--counter', `>${counter}`)), [])
    assert.deepEqual(ids(await fleet('controllers', '--site', 'quay', '--rack', 'Rack 0')), ['bms-1', 'bms-3'])
    const anchor = all.items[0]!.attested!.anchors[0]!
    assert.deepEqual(ids(await fleet('controllers', '--anchor', anchor)), ['bms-1', 'bms-2', 'bms-3'])
    assert.deepEqual(ids(await fleet('controllers', '--lacks-anchor', anchor)), [])
  })

  it('pages are followed to the end, and a part is said to be one', async () => {
    const found = await fleet<Found & { more: boolean }>('controllers', '--limit', '2')
    assert.deepEqual([ids(found), found.more, found.controllers], [['bms-1', 'bms-2'], true, 3])
    const { HttpsClient } = await import('../../../src/adapters/link-https/client.ts')
    const client = new HttpsClient(fleetUrl(world), tls.administrator(world))
    const names: string[] = []
    let path = '/v1/inventory/controllers?class=bms&limit=1'
    for (let page = 0; page < 5 && path !== ''; page += 1) {
      const answer = await client.call('GET', path)
      assert.ok(!isRefusal(answer))
      names.push(...(JSON.parse(Buffer.from(answer.body).toString()) as InventoryView[]).map(({ id }) => id))
      path = /<([^>]*)>/.exec(`${answer.headers.link ?? ''}`)?.[1] ?? ''
    }
    assert.deepEqual(names, ['bms-1', 'bms-2', 'bms-3'])
    const other = await client.call('GET', `/v1/inventory/controllers?class=pcs&cursor=${'a'.repeat(40)}`)
    assert.ok(isRefusal(other) && other.code === 'cursor-invalid')
    client.close()
  })

  it('fleet sites: which sites still run something older', async () => {
    const found = await fleet<{ sites: number; items: object[] }>('sites', '--class', 'bms', '--version', '<1.5')
    assert.deepEqual([found.sites, found.items], [1, [{ site: 'quay', region: 'nl-west', controllers: 2 }]])
  })

  it('fleet versions: the map, by fleet, region, site and rack', async () => {
    const counts = (views: VersionsView[]) =>
      views.map(({ place, versions }) => [place, ...versions.map(v => `${v.version} ${v.said} ${v.controllers}`)])
    const all = ['1.0.0 attested 2', '2.0.0-rc.1 attested 1']
    assert.deepEqual(counts(await fleet('versions')), [['', ...all]])
    assert.deepEqual(counts(await fleet('versions', '--by', 'region')), [['nl-west', ...all]])
    assert.deepEqual(counts(await fleet('versions', '--by', 'site')), [['quay', ...all]])
    assert.deepEqual(counts(await fleet('versions', '--by', 'rack', '--site', 'quay')), [
      ['Rack 0', '1.0.0 attested 2'],
      ['Rack 1', '2.0.0-rc.1 attested 1'],
    ])
  })

  it('fleet incidents: a revert is counted once, for the version that failed', async () => {
    const views = await fleet<IncidentsView[]>('incidents', '--class', 'bms')
    const failed = views.find(({ version }) => version === '1.1.0')!
    assert.deepEqual(
      [failed.incidents.revert.count, failed.incidents.watchdog.count, failed.incidents.golden.count],
      [1, 1, 0],
    )
    assert.equal(failed.incidents.revert.rate, null, 'nobody was watched running it')
    const ran = views.find(({ version }) => version === '1.0.0')!
    assert.ok(ran.controllerDays > 0 && ran.incidents.revert.count === 0)
    assert.ok(ran.incidents.revert.low === 0 && ran.incidents.revert.high! > 0)
    assert.deepEqual(await fleet('incidents', '--class', 'pcs'), [])
  })

  it('fleet compliance: who has what a campaign brings, by what they attested', async () => {
    const found = await fleet<{ sites: object[] }>('compliance', '--campaign', 'spring')
    const site = { region: 'nl-west', done: 1, left: 2, late: 0 }
    assert.deepEqual(found, { campaign: 'spring', done: 1, left: 2, late: 0, sites: [{ site: 'quay', ...site }] })
    const rows: [more: string[], ids: string[]][] = [
      [[], ['bms-1', 'bms-2', 'bms-3']],
      [
        ['--is', 'left'],
        ['bms-1', 'bms-3'],
      ],
      [['--is', 'done'], ['bms-2']],
      [['--is', 'late'], []],
      [['--is', 'left', '--label', 'critical'], ['bms-1']],
      [['--is', 'left', '--limit', '1'], ['bms-1']],
      [['--site', 'pier'], []],
    ]
    for (const [more, expected] of rows) {
      assert.deepEqual(ids(await fleet('controllers', '--campaign', 'spring', ...more)), expected, more.join(' '))
    }
    assert.deepEqual(await fleet('compliance', '--deadline', '2099-01-01T00:00:00Z'), [], 'it has no deadline')
    for (const [argv, code] of [
      [['compliance'], 'usage-error'],
      [['compliance', '--campaign', 'spring', '--deadline', '2099-01-01T00:00:00Z'], 'usage-error'],
      [['compliance', '--deadline', 'soon'], 'usage-error'],
      [['compliance', '--campaign', 'autumn'], 'campaign-unknown'],
      [['controllers', '--campaign', 'autumn'], 'campaign-unknown'],
      [['sites', '--campaign', 'spring'], 'query-malformed'],
    ] as const) {
      assert.equal((await voltseal(world, ['fleet', ...argv])).refusal?.code, code, argv.join(' '))
    }
  })

  it('fleet compliance by deadline: the campaigns that are due, and who is late', async () => {
    const at = Math.ceil(Date.now() / 1000) * 1000 + 3_600_000
    const asked = { id: 'patch', releases: ['bms/1.1.0/envelope.suit'], waves: [{ name: 'all', take: 'rest' }] }
    writeFileSync(world.at('patch.json'), JSON.stringify({ ...asked, deadline: { at, steps: [] } }))
    const planned = await voltseal(world, ['campaign', 'plan', world.at('patch.json')])
    assert.equal(planned.exit, 0, planned.said)
    const due = (date: number) => fleet<object[]>('compliance', '--deadline', new Date(date).toISOString())
    assert.deepEqual(await due(at - 1000), [])
    const [one] = (await due(at)) as { campaign: string; deadline: number; late: number }[]
    assert.deepEqual([one?.campaign, one?.deadline, one?.late], ['patch', at, 0], 'there is time')
  })

  it('controller history: with the versions that it was said to run', async () => {
    const ended = await voltseal(world, ['controller', 'history', 'quay/bms-2'])
    const { versions } = ended.json as { versions: VersionSaidView[] }
    assert.deepEqual(
      versions.map(({ said, version }) => [said, version]),
      [
        ['attested', '1.0.0'],
        ['attested', '2.0.0-rc.1'],
      ],
    )
  })

  const bad: [argv: string[], code: string, exit: number][] = [
    [['controllers', '--version', '4.2'], 'query-malformed', 64],
    [['controllers', '--version', '=4.2'], 'version-malformed', 65],
    [['controllers', '--rack', 'Rack 0'], 'query-malformed', 64],
    [['versions', '--by', 'rack'], 'query-malformed', 64],
    [['incidents', '--class', 'PCS'], 'query-malformed', 64],
  ]
  for (const [argv, code, exit] of bad) {
    it(`fleet ${argv.join(' ')} is refused: ${code}`, async () => {
      const ended = await voltseal(world, ['fleet', ...argv])
      assert.deepEqual([ended.refusal?.code, ended.exit], [code, exit])
    })
  }

  it('fleet check-store: verifies every row, and says how far it is', async () => {
    const checked = await voltseal(world, ['fleet', 'check-store'])
    assert.deepEqual([checked.exit, checked.json], [0, { controllers: 3, findings: [] }])
    assert.match(checked.said, /100 % {2}3 controllers verified, 0 findings/)
  })

  it('attack: a row that somebody changed while the server was off is found by the server itself', async () => {
    await world.fleet?.close()
    const database = new DatabaseSync(fleetFiles(world.at('fleet')).database)
    database.exec("UPDATE inventory SET version = '9.9.9' WHERE id = 'bms-3'")
    database.close()
    await world.startFleet()
    await world.until('the finding', async () => {
      return (await log(world)).some(
        ({ kind, code }) => kind === 'intrusion-signal' && code === 'inventory-row-differs',
      )
    })
    const found = await fleet<Found>('controllers')
    assert.deepEqual(
      found.items.map(({ attested, fault }) => [attested?.version, fault]),
      [
        ['1.0.0', null],
        ['2.0.0-rc.1', null],
        ['1.0.0', null],
      ],
    )
  })
})

describe('fleet import', () => {
  let world: World
  before(async () => {
    world = await World.make(QUAY)
    await world.startFleet()
  })
  after(() => world?.stop())

  const run = (text: string | Uint8Array, ...more: string[]) => {
    writeFileSync(world.at('list.csv'), text)
    return voltseal(world, ['fleet', 'import', world.at('list.csv'), ...more])
  }
  const HEAD = 'site,region,controller,class,hardware,version,rack,labels\r\n'
  const GOOD = 'pier,nl,bms-1,bms,r1,4.1.0,"Rack 1, left",spare critical\r\n'
  const BAD = 'pier,nl,bms-2,bms,r1,4.1,,\r\npier,nl,"bms"-3,bms,r1,,,\r\n'
  type Taken = { lines: number; bad: number; taken: number; faults: { line: number; code: string }[] }

  it('judges every line in a dry run, takes nothing in, and says which are bad and why', async () => {
    const { exit, json, said } = await run(HEAD + GOOD + BAD, '--dry-run')
    const { faults, ...rest } = json as Taken
    assert.deepEqual([exit, rest.lines, rest.bad, rest.taken], [65, 3, 2, 0])
    assert.deepEqual(faults.map(({ line, code }) => [line, code]).sort(), [
      [3, 'import-line-malformed'],
      [4, 'import-line-malformed'],
    ])
    assert.match(said, /line 3: .*MAJOR\.MINOR\.PATCH.* in version; got "4\.1"/)
    assert.match(said, /line 4: .*text behind a closing quote/)
    assert.match(said, /100 % {2}3 lines, 2 bad/)
  })

  it('takes all lines or none, and the good ones by choice', async () => {
    const refused = await run(HEAD + GOOD + BAD)
    assert.deepEqual([refused.refusal?.code, refused.exit], ['import-lines-bad', 65])
    const none = await voltseal(world, ['fleet', 'controllers', '--site', 'pier'])
    assert.deepEqual((none.json as { items: unknown[] }).items, [])
    const { exit, json } = await run(HEAD + GOOD + BAD, '--good-lines')
    assert.deepEqual([exit, (json as Taken).taken], [0, 1])
    const found = await voltseal(world, [
      'fleet',
      'controllers',
      '--site',
      'pier',
      '--said',
      'claimed',
      '--label',
      'spare',
    ])
    const [one] = (found.json as { items: InventoryView[] }).items
    assert.deepEqual(
      [one?.id, one?.standing, one?.claimed?.version, one?.attested, one?.rack],
      ['bms-1', 'imported', '4.1.0', null, 'Rack 1, left'],
    )
  })

  it('says how many more may be below a floor: those that have attested none', async () => {
    const found = await voltseal(world, ['fleet', 'controllers', '--counter', '<7', '--region', 'nl'])
    const { items, unknown } = found.json as { items: unknown[]; unknown: number }
    assert.deepEqual([items, unknown], [[], 1])
    assert.match(found.said, /1 more may be among them/)
  })

  it('takes more lines than one call holds', async () => {
    const lines = Array.from({ length: 2345 }, (_, n) => `dock,nl,c${n},bms,r1,4.${n % 3}.0,,\n`)
    const { exit, json } = await run(HEAD + lines.join(''))
    assert.deepEqual([exit, (json as Taken).taken], [0, 2345])
    const count = await voltseal(world, ['fleet', 'sites', '--class', 'bms', '--version', '<4.1', '--site', 'dock'])
    assert.deepEqual((count.json as { items: object[] }).items, [{ site: 'dock', region: 'nl', controllers: 782 }])
  })

  it('tells each line that is far too long, and not that the call with them is', async () => {
    const long = Array.from(
      { length: 1500 },
      (_, n) => `lock,nl,c${n},bms,r1,,${'x'.repeat(3000)},${'x'.repeat(3000)}\n`,
    )
    const { exit, json } = await run(`${HEAD}${long.join('')}lock,nl,good,bms,r1,,,\n`, '--good-lines')
    assert.deepEqual([exit, (json as Taken).bad, (json as Taken).taken], [0, 1500, 1])
  })

  const bad: [name: string, text: string | Uint8Array, code: string][] = [
    ['an empty file', '', 'import-header-malformed'],
    ['no header', GOOD, 'import-header-malformed'],
    ['a header that is no CSV', 'site,"region\n', 'import-header-malformed'],
    ['another code page', Buffer.concat([Buffer.from(HEAD + GOOD), Buffer.from([0xe9, 0x0a])]), 'text-not-utf8'],
  ]
  for (const [name, text, code] of bad) {
    it(`${name} is refused: ${code}`, async () => {
      const { refusal, exit } = await run(text)
      assert.deepEqual([refusal?.code, exit], [code, 65])
    })
  }
})
