import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { changedQuery, findRoute, wayBack } from '../../console/picture/address.ts'
import { dueIn, nothingToTell, QUIET, told, withMore } from '../../console/picture/announcing.ts'
import { pressed, SEQUENCE, type Waiting } from '../../console/picture/key-sequence.ts'
import { mayDo } from '../../console/picture/may.ts'
import { type Happening, touches } from '../../console/picture/stale-views.ts'
import { entryKinds } from '../../src/core/ledger/entry-kinds.ts'

describe('addresses', () => {
  const routes = [
    { path: '/' },
    { path: '/sites/{site}' },
    { path: '/campaigns' },
    { path: '/campaigns/new' },
    { path: '/campaigns/{id}' },
    { path: '/controllers/{site}/{id}' },
  ]
  const rows: [pathname: string, path: string | null, params: Record<string, string>][] = [
    ['/', '/', {}],
    ['/sites/quay', '/sites/{site}', { site: 'quay' }],
    ['/campaigns/new', '/campaigns/new', {}],
    ['/campaigns/spring', '/campaigns/{id}', { id: 'spring' }],
    ['/controllers/quay/bms-1', '/controllers/{site}/{id}', { site: 'quay', id: 'bms-1' }],
    ['/sites/a%2Fb', '/sites/{site}', { site: 'a/b' }],
    ['/sites/', null, {}],
    ['/sites', null, {}],
    ['/sites/quay/', null, {}],
    ['/sites/%E0%A4%A', null, {}],
    ['//', null, {}],
  ]
  for (const [pathname, path, params] of rows) {
    test(`${pathname} is ${path ?? 'nowhere'}`, () => {
      const found = findRoute(routes, pathname)
      assert.deepEqual([found?.route.path ?? null, found?.params ?? {}], [path, params])
    })
  }

  test('a query keeps what is not changed, and has nothing empty in it', () => {
    const query = changedQuery(new URLSearchParams('a=1&b=2&c=3'), { b: null, c: '', d: '4' })
    assert.equal(query.toString(), 'a=1&d=4')
  })

  test('attack: a link to the sign-in page leads to a page elsewhere behind the sign-in', () => {
    const foreign = [
      'https://evil.example/',
      '//evil.example/',
      '/\\evil.example/',
      '\\\\evil.example/',
      'javascript:alert(1)',
      '/\t/evil.example/',
      ' //evil.example',
      '/sites/\\evil',
      '',
    ]
    for (const wanted of foreign) assert.equal(wayBack(wanted), '/', wanted)
    assert.equal(wayBack(null), '/')
    assert.equal(wayBack('/sites/quay?rack=2'), '/sites/quay?rack=2')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), wanted => {
        assert.equal(new URL(wayBack(wanted), 'https://fleet.example').origin, 'https://fleet.example')
      }),
    )
  })

  test('the way back is a screen: no sign-in again, and no file of the API', () => {
    for (const wanted of ['/sign-in?back=/', '/v1/whoami', '/log/checkpoint']) assert.equal(wayBack(wanted), '/')
  })
})

describe('keys', () => {
  const known = new Set(['/', '?', 'j', 'g f', 'g c'])
  const key = (name: string, more: object = {}) => ({
    key: name,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    typing: false,
    ...more,
  })
  const rows: [name: string, what: ReturnType<typeof key>, waiting: Waiting, now: number, means: string | null][] = [
    ['one key', key('/'), null, 0, '/'],
    ['an unknown key', key('x'), null, 0, null],
    ['the second of two', key('f'), { key: 'g', at: 0 }, SEQUENCE, 'g f'],
    ['the second too late', key('f'), { key: 'g', at: 0 }, SEQUENCE + 1, null],
    ['another one instead of the second', key('j'), { key: 'g', at: 0 }, 5, 'j'],
    ['what is typed into a field', key('/', { typing: true }), null, 0, null],
    ['with Ctrl', key('j', { ctrlKey: true }), null, 0, null],
    ['with Alt', key('j', { altKey: true }), null, 0, null],
    ['with Meta', key('j', { metaKey: true }), null, 0, null],
  ]
  for (const [name, what, waiting, now, means] of rows) {
    test(name, () => assert.equal(pressed(what, waiting, now, known).means, means))
  }
  test('a first key waits for its second, and a key that means something waits for none', () => {
    assert.deepEqual(pressed(key('g'), null, 7, known), { means: null, waiting: { key: 'g', at: 7 } })
    assert.equal(pressed(key('f'), { key: 'g', at: 7 }, 8, known).waiting, null)
    assert.equal(pressed(key('x'), { key: 'g', at: 7 }, 8, known).waiting, null)
  })
})

describe('announcements', () => {
  test('at most one in ten seconds, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4000), { maxLength: 200 }), gaps => {
        let [so, now] = [nothingToTell, 0]
        const at: number[] = []
        for (const [index, gap] of gaps.entries()) {
          now += gap
          so = withMore(so, `thing ${index}`)
          if (dueIn(so, now) !== 0) continue
          at.push(now)
          so = told(so, now).next
        }
        for (const [index, time] of at.entries()) assert.ok(index === 0 || time - (at[index - 1] as number) >= QUIET)
      }),
    )
  })
  test('the newest are told, and how many more there were; the same thing once', () => {
    const all = ['a', 'b', 'c', 'd', 'b'].reduce(withMore, nothingToTell)
    assert.deepEqual(told(all, 5), { text: 'c. d. b. And 1 more.', next: { waiting: [], toldAt: 5 } })
    assert.equal(dueIn(nothingToTell, 0), null)
  })
})

describe('which views something that happens makes old', () => {
  const failed: Happening = { kind: 'controller-failed', site: 'quay', controller: 'bms-1', campaign: 'spring' }
  const rows: [path: string, happening: Happening, is: boolean][] = [
    ['/v1/campaigns', failed, true],
    ['/v1/campaigns?limit=50', failed, true],
    ['/v1/campaigns/spring/controllers?limit=200', failed, true],
    ['/v1/campaigns/summer/controllers', failed, false],
    ['/v1/campaigns', { kind: 'access-granted' }, false],
    ['/v1/controllers/quay/bms-1', failed, true],
    ['/v1/controllers/quay/bms-1/history?limit=5', failed, true],
    ['/v1/controllers/quay/bms-2', failed, false],
    ['/v1/controllers/hill/bms-1', failed, false],
    ['/v1/controllers/quay/bms-1', { kind: 'controller-assigned', site: 'quay' }, true],
    ['/v1/sites/quay/schematic', failed, true],
    ['/v1/sites/hill', failed, false],
    ['/v1/inventory/versions?by=region', failed, true],
    ['/v1/inventory/versions', { kind: 'access-granted' }, false],
    ['/v1/inventory/sites', { kind: 'inventory-imported' }, true],
    ['/v1/releases', { kind: 'release-published' }, true],
    ['/v1/releases', failed, false],
    ['/v1/patches/to/bms/1.0.0/envelope.suit', { kind: 'patch-made' }, true],
    ['/v1/patches/to/bms/1.0.0/envelope.suit', failed, true],
    ['/v1/patches/to/bms/1.0.0/envelope.suit', { kind: 'access-granted' }, false],
    ['/v1/accounts/ada', { kind: 'access-ended' }, true],
    ['/v1/accounts/ada', failed, false],
    ['/v1/attention', failed, true],
    ['/v1/audit/checkpoint', { kind: 'access-granted' }, true],
    ['/v1/never-heard-of', failed, true],
  ]
  for (const [path, happening, is] of rows) {
    test(`${happening.kind} ${is ? 'touches' : 'leaves'} ${path}`, () => assert.equal(touches(happening, path), is))
  }
  test('a snapshot touches all of them', () => {
    for (const [path] of rows) assert.ok(touches({ kind: 'snapshot' }, path))
  })
  test('whatever happens touches the log, which has it', () => {
    for (const kind of Object.keys(entryKinds)) assert.ok(touches({ kind }, '/v1/audit/checkpoint'), kind)
  })
})

describe('what somebody may do', () => {
  const may = { halt: ['site:quay', 'region:north'], plan: ['fleet'] } as const
  const rows: [action: 'halt' | 'plan' | 'approve', site: string | undefined, is: boolean][] = [
    ['plan', undefined, true],
    ['plan', 'quay', true],
    ['halt', undefined, true],
    ['halt', 'quay', true],
    ['halt', 'hill', true], // it may lie in the region: the server knows
    ['approve', undefined, false],
    ['approve', 'quay', false],
  ]
  for (const [action, site, is] of rows) {
    test(`${action} at ${site ?? 'any site'}`, () => assert.equal(mayDo(may, action, site), is))
  }
  test('a role at one site alone is not one elsewhere', () => {
    assert.equal(mayDo({ halt: ['site:quay'] }, 'halt', 'hill'), false)
  })
})
