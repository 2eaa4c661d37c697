import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
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
    assert.deepEqual(rack?.of, { vendor: 'voltworks.example', slot: 1_048_576, bootloader: 1, hardware: 'primehub' })
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

  const controller = SMALL.controllers[0]
  const rows: [name: string, change: object, code: RefusalCode, at: string][] = [
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
  ]
  for (const [name, change, code, at] of rows) {
    test(`${name} is refused with its place`, () => {
      const refused = parseSite(Array.isArray(change) ? change : { ...SMALL, ...change }, 'quay.site.yaml')
      assert(isRefusal(refused))
      assert.equal(refused.code, code)
      assert.equal(refused.subject, 'quay.site.yaml')
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
