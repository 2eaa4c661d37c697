import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { NO_RULES } from '../../../src/core/fleet/site-rules.ts'
import { findController, parseSite, type Site, siteBytes } from '../../../src/core/fleet/topology.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'

const file = new URL('../../../sim/sites/harbour.site.yaml', import.meta.url)
const harbour = (): Site => orThrow(parseSite(parse(readFileSync(file, 'utf8')), 'harbour.site.yaml'))

const SMALL = {
  site: 'quay',
  name: 'Quay',
  region: 'nl-west',
  zone: 'Europe/Amsterdam',
  vendor: 'voltworks.example',
  gateway: { id: 'gw' },
  links: [{ id: 'lan', kind: 'ethernet' }],
  classes: { bms: { slot: '512KiB', hardware: 'r1' } },
  controllers: [{ id: 'bms-1', class: 'bms', link: 'lan' }],
}

describe('the site file', () => {
  test('the example is read with its defaults filled in', () => {
    const site = harbour()
    assert.equal(site.controllers.length, 7)
    assert.equal(site.zone, 'Europe/Amsterdam')
    const rack = findController(site, 'bms-3')
    assert.equal(rack?.hardware, 'primehub')
    assert.equal(rack?.rack, 'B1')
    assert.deepEqual(rack?.of, {
      vendor: 'voltworks.example',
      slot: 1_048_576,
      bootloader: 1,
      hardware: 'primehub',
      duty: 'control',
      restart: 600_000,
    })
    assert.deepEqual([site.groups, site.limits], [[], NO_RULES])
    assert.equal(findController(site, 'pcs-2')?.hardware, 'essentialhub')
    assert.equal(findController(site, 'constructor'), null)
  })

  test('what is stored reads back as the same site', () => {
    const site = harbour()
    const stored = siteBytes(site)
    const again = orThrow(parseSite(JSON.parse(new TextDecoder().decode(stored)), 'stored'))
    assert.deepEqual(again, site)
    assert.deepEqual(siteBytes(again), stored)
  })

  test('a controller overrides the hardware of its class', () => {
    const site = orThrow(parseSite({ ...SMALL, controllers: [{ ...SMALL.controllers[0], hardware: 'r2' }] }, 's'))
    assert.equal(site.controllers[0]?.hardware, 'r2')
    assert.equal(site.classes.bms?.slot, 512 * 1024)
  })

  test('what the plant needs to know of its controllers: powers as whole watts, groups, limits', () => {
    const written = {
      ...SMALL,
      classes: { bms: { slot: '512KiB', hardware: 'r1', duty: 'power', restart: '4min' } },
      controllers: [
        { id: 'pcs-1', class: 'bms', link: 'lan', power: '1.25MW', energy: '2.5MWh', feeder: 'f1', circle: 'a' },
        { id: 'bms-1', class: 'bms', link: 'lan', power: '250kW', behind: 'pcs-1', labels: ['south'] },
        { id: 'bms-2', class: 'bms', link: 'lan', power: 250_000, behind: 'pcs-1' },
      ],
      groups: [{ id: 'racks', members: ['bms-1', 'bms-2'], needed: 1 }],
      limits: { restarting: 1, budgets: [{ per: 'feeder', watts: '1.25MW' }] },
    }
    const site = orThrow(parseSite(written, 'quay'))
    assert.deepEqual(
      site.controllers.map(({ power, energy, behind }) => [power, energy, behind]),
      [
        [1_250_000, 2_500_000, undefined],
        [250_000, undefined, 'pcs-1'],
        [250_000, undefined, 'pcs-1'],
      ],
    )
    assert.deepEqual([site.classes.bms?.duty, site.classes.bms?.restart], ['power', 240_000])
    assert.deepEqual(site.limits, { ...NO_RULES, restarting: 1, budgets: [{ per: 'feeder', watts: 1_250_000 }] })
    const again = orThrow(parseSite(JSON.parse(new TextDecoder().decode(siteBytes(site))), 'stored'))
    assert.deepEqual(again, site)
  })

  const controller = SMALL.controllers[0]
  const two = [controller, { ...controller, id: 'bms-2' }]
  const group = { id: 'racks', members: ['bms-1', 'bms-2'], needed: 1 }
  const rows: [name: string, change: object, code: RefusalCode, at: string, subject?: string][] = [
    ['a list', [], 'site-malformed', 'the top'],
    ['an unknown name', { colour: 'blue' }, 'site-malformed', 'at colour'],
    ['a missing name', { region: undefined }, 'site-malformed', 'at region'],
    ['an id with a slash', { site: 'a/b' }, 'site-malformed', 'at site'],
    ['an id of capitals', { site: 'Quay' }, 'site-malformed', 'at site'],
    ['a name of two lines', { name: 'Quay\nSouth' }, 'site-malformed', 'at name'],
    [
      'an unknown name in a controller',
      { controllers: [{ ...controller, rak: 'A' }] },
      'site-malformed',
      'controllers[0].rak',
    ],
    ['no controllers', { controllers: [] }, 'site-malformed', 'at controllers'],
    ['too many controllers', { controllers: new Array(4097).fill(controller) }, 'site-malformed', 'at controllers'],
    ['a slot of words', { classes: { bms: { slot: 'large', hardware: 'r1' } } }, 'site-malformed', 'classes.bms.slot'],
    ['a slot of nothing', { classes: { bms: { slot: 0, hardware: 'r1' } } }, 'site-malformed', 'classes.bms.slot'],
    [
      'a slot beyond 2 GiB',
      { classes: { bms: { slot: '4096MiB', hardware: 'r1' } } },
      'site-malformed',
      'classes.bms.slot',
    ],
    ['a link of an unknown kind', { links: [{ id: 'lan', kind: 'pigeon' }] }, 'site-malformed', 'links[0].kind'],
    ['a vendor that is no DNS name', { vendor: 'Volt Works' }, 'site-malformed', 'at vendor'],
    ['an unknown zone', { zone: 'Europe/Atlantis' }, 'site-zone-unknown', 'Europe/Atlantis'],
    ['an offset for a zone', { zone: '+01:00' }, 'site-zone-unknown', '+01:00'],
    ['a zone in other letters', { zone: 'europe/amsterdam' }, 'site-zone-unknown', 'europe/amsterdam'],
    [
      'an unknown class',
      { controllers: [{ ...controller, class: 'bns' }] },
      'site-class-unknown',
      'controllers[0].class',
    ],
    [
      'a class named as a builtin',
      { controllers: [{ ...controller, class: 'constructor' }] },
      'site-class-unknown',
      '[0].class',
    ],
    ['an unknown link', { controllers: [{ ...controller, link: 'wan' }] }, 'site-link-unknown', 'controllers[0].link'],
    ['a link twice', { links: [...SMALL.links, ...SMALL.links] }, 'site-link-duplicate', 'links[1]'],
    ['no hardware', { classes: { bms: { slot: '1MiB' } } }, 'site-hardware-missing', 'controllers[0]'],
    ['no vendor', { vendor: undefined }, 'site-vendor-missing', 'classes.bms'],
    ['a power of words', { controllers: [{ ...controller, power: 'much' }] }, 'site-malformed', 'controllers[0].power'],
    ['a power of half a watt', { controllers: [{ ...controller, power: '0.5W' }] }, 'site-malformed', '[0].power'],
    ['a power below nothing', { controllers: [{ ...controller, power: -1 }] }, 'site-malformed', '[0].power'],
    ['an energy that is a power', { controllers: [{ ...controller, energy: '2MW' }] }, 'site-malformed', '[0].energy'],
    [
      'an unknown duty',
      { classes: { bms: { ...SMALL.classes.bms, duty: 'lunch' } } },
      'site-malformed',
      'classes.bms.duty',
    ],
    [
      'a restart of no time',
      { classes: { bms: { ...SMALL.classes.bms, restart: '0s' } } },
      'site-malformed',
      'bms.restart',
    ],
    ['one behind nobody', { controllers: [{ ...controller, behind: 'x' }] }, 'site-behind-unknown', '"x" at'],
    [
      'one behind itself',
      { controllers: [{ ...controller, behind: 'bms-1' }] },
      'site-behind-circular',
      'bms-1 behind bms-1',
    ],
    [
      'two behind each other',
      {
        controllers: [
          { ...two[0], behind: 'bms-2' },
          { ...two[1], behind: 'bms-1' },
        ],
      },
      'site-behind-circular',
      'bms-1 behind bms-2 behind bms-1',
    ],
    ['a group twice', { controllers: two, groups: [group, group] }, 'site-group-duplicate', 'groups[1]'],
    [
      'a member twice',
      { controllers: two, groups: [{ ...group, members: ['bms-1', 'bms-1'] }] },
      'site-group-duplicate',
      'groups[0].members',
    ],
    ['a member that is not there', { groups: [group] }, 'site-group-member-unknown', '"bms-2" at groups[0]'],
    [
      'a group that needs all',
      { controllers: two, groups: [{ ...group, needed: 2 }] },
      'site-group-without-spare',
      '2 of 2',
    ],
    ['limits of zero', { limits: { restarting: 0 } }, 'rules-budget-zero', '0 at restarting', 'quay.site.yaml: limits'],
    [
      'limits that are not the site’s to keep',
      { limits: { budgets: [{ per: 'fleet', watts: 1 }] } },
      'site-malformed',
      'limits.budgets[0].per',
    ],
    [
      'attack: a limit on feeders where no controller is on one',
      { limits: { budgets: [{ per: 'feeder', controllers: 1 }] } },
      'rules-hold-nowhere',
      'limits.budgets[0]',
    ],
    [
      'attack: a limit on power where no controller has any',
      { limits: { budgets: [{ per: 'site', watts: '1MW' }] } },
      'rules-hold-nowhere',
      'limits.budgets[0]',
    ],
    [
      'attack: a limit on energy where no controller has any',
      { limits: { budgets: [{ per: 'site', wattHours: '1MWh' }] } },
      'rules-hold-nowhere',
      'limits.budgets[0]',
    ],
    [
      'attack: a permissive of feeders where no controller is on one',
      { limits: { permissives: [{ point: 'feeder-power', max: 1, maxAgeMillis: '10s' }] } },
      'rules-hold-nowhere',
      'limits.permissives[0]',
    ],
    [
      'attack: an age of readings in a group without meters',
      { controllers: two, groups: [{ ...group, metered: false, maxAgeMillis: '10s' }] },
      'site-malformed',
      'groups[0]',
    ],
    [
      'limits that would hold for another site only',
      { limits: { blackouts: [{ why: 'x', from: 1, to: 2, sites: ['reef'] }] } },
      'site-malformed',
      'sites at limits.blackouts[0]',
    ],
    [
      'limits for a class that is misspelt',
      { limits: { permissives: [{ point: 'dispatch', is: false, maxAgeMillis: '9s', classes: ['bns'] }] } },
      'site-class-unknown',
      '"bns" at limits.permissives[0].classes',
    ],
    ['limits that are misspelt', { limits: { window: [] } }, 'site-malformed', 'limits.window'],
  ]
  for (const [name, change, code, at, subject] of rows) {
    test(`${name} is refused with its place`, () => {
      const refused = parseSite(Array.isArray(change) ? change : { ...SMALL, ...change }, 'quay.site.yaml')
      assert(isRefusal(refused))
      assert.equal(refused.code, code)
      assert.equal(refused.subject, subject ?? 'quay.site.yaml')
      assert(refused.actual.includes(at), refused.actual)
    })
  }

  test('attack: duplicate controller id', () => {
    const refused = parseSite({ ...SMALL, controllers: [controller, controller] }, 'quay.site.yaml')
    assert(isRefusal(refused))
    assert.equal(refused.code, 'site-controller-duplicate')
    assert(refused.actual.includes('controllers[0]') && refused.actual.includes('controllers[1]'))
  })

  test('attack: members of a prototype are not members of the file', () => {
    const inherited = Object.create({ vendor: 'evil.example' })
    const refused = parseSite(Object.assign(inherited, { ...SMALL, vendor: undefined }), 'quay.site.yaml')
    assert(isRefusal(refused))
    assert.equal(refused.code, 'site-malformed')
    const proto = parseSite(JSON.parse(JSON.stringify(SMALL).replace('"vendor"', '"__proto__"')), 'quay.site.yaml')
    assert(isRefusal(proto))
    assert.equal(proto.code, 'site-malformed')
  })
})
