import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { buildPlan, canaryThenRest, type PlanRequest, type PlanSources } from '../../../src/core/campaign/draft.ts'
import type { PublishedRelease } from '../../../src/core/campaign/draft-fit.ts'
import { planBytes } from '../../../src/core/campaign/plan.ts'
import { plannedControllers, turnsOfWave } from '../../../src/core/campaign/turns.ts'
import { bytes, instant, millis } from '../../../src/core/encoding/units.ts'
import type { ReleaseFacts } from '../../../src/core/firmware/release-facts.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import { type FleetController, inventoryOf } from '../../../src/core/fleet/inventory.ts'
import { NO_RULES } from '../../../src/core/fleet/site-rules.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'
import { HOUR, T0 } from './plans.ts'

const v = (text: string): Version => text as Version

const KEY = 'a1'.repeat(32)

function controller(
  id: string,
  change: Partial<FleetController> & { version?: string; counter?: number } = {},
): FleetController {
  const { version = '1.0.0', counter = 1, ...rest } = change
  return {
    site: 'harbour',
    id,
    region: 'nl-west',
    vendor: 'voltworks.example',
    class: 'bms',
    hardware: 'primehub',
    slot: bytes(1 << 20),
    bootloader: 1,
    reportKey: { alg: 'ecdsa-p256', spki: new Uint8Array(91) },
    attested: {
      sequence: 4,
      at: instant(T0),
      state: 'stable',
      running: { version: v(version), sequence: 1, digest: 'cd'.repeat(32) },
      counter,
      anchors: [KEY],
    },
    decrypts: true,
    ...rest,
  }
}

function release(path: string, change: Partial<ReleaseFacts> = {}): [string, PublishedRelease] {
  const facts: ReleaseFacts = {
    vendor: 'voltworks.example',
    class: 'bms',
    hardware: ['primehub'],
    version: v('2.0.0'),
    sequence: 2,
    counter: 1,
    components: [{ name: 'app', size: 1000 }],
    chunks: { bytes: 4096, digests: ['00'.repeat(16)] },
    transition: null,
    encryption: null,
    imageSize: 1000,
    imageDigest: 'ef'.repeat(32),
    bootloader: { min: 1, max: 1 },
    dependencies: [],
    health: { windowMillis: 60_000, probes: [] },
    ...change,
  }
  return [path, { path, sha256: 'ab'.repeat(32), length: 500, facts, signers: [KEY] }]
}

const ENCRYPTION = { segmentBytes: 16_384, digest: 'aa'.repeat(32), keyCheck: 'bb'.repeat(32) }

const FLEET = [
  controller('bms-2'),
  controller('bms-1'),
  controller('bms-3'),
  controller('pcs-1', { class: 'pcs', hardware: 'essentialhub' }),
  controller('bms-1', { site: 'polder', region: 'nl-east' }),
]

const sources = (fleet = FLEET, ...more: [string, PublishedRelease][]): PlanSources => ({
  inventory: orThrow(inventoryOf(fleet)),
  releases: new Map([
    release('bms/2.0.0.suit'),
    release('pcs/2.0.0.suit', { class: 'pcs', hardware: ['essentialhub'] }),
    ...more,
  ]),
  stones: [],
})

const REQUEST: PlanRequest = {
  id: 'spring',
  title: 'Spring release',
  criticality: 'security',
  createdAt: instant(T0),
  notAfter: instant(T0 + 100 * HOUR),
  createdBy: 'ada',
  priority: 50,
  releases: [{ path: 'bms/2.0.0.suit' }, { path: 'pcs/2.0.0.suit' }],
  select: {},
  waves: canaryThenRest(millis(HOUR), { minSuccessPercent: 90, maxFailures: 1 }),
  timeoutMillis: millis(HOUR),
  retry: { retries: 1, backOffMillis: millis(0), maxBackOffMillis: millis(0) },
  abort: { maxFailures: 10, maxFailurePercent: 100 },
  rules: NO_RULES,
}

const build = (request: PlanRequest, from: PlanSources) => buildPlan(request, from, crypto)

const waves = (request: PlanRequest, from = sources()): string[][] => {
  const { plan } = orThrow(build(request, from))
  return plan.waves.map((_, wave) =>
    turnsOfWave(plan, wave).map(planned => `${planned.site}/${planned.controller}:${planned.release}`),
  )
}

describe('building a plan', () => {
  test('one canary of each class, then the rest, in order of site and id', () => {
    assert.deepEqual(waves(REQUEST), [
      ['harbour/bms-1:0', 'harbour/pcs-1:1'],
      ['harbour/bms-2:0', 'harbour/bms-3:0', 'polder/bms-1:0'],
    ])
  })

  test('the same fleet in another order gives the same bytes', () => {
    const one = orThrow(build(REQUEST, sources()))
    const other = orThrow(build(REQUEST, sources(FLEET.toReversed())))
    assert.deepEqual(planBytes(one.plan), planBytes(other.plan))
  })

  test('selections narrow, and waves take by count, percent and name', () => {
    const select = { sites: ['harbour'], classes: ['bms'] }
    const gate = { minSuccessPercent: 100, maxFailures: 0 }
    const soakMillis = millis(0)
    const named = {
      name: 'named',
      soakMillis,
      gate,
      take: { by: 'controllers', controllers: ['harbour/bms-3'] },
    } as const
    const one = { name: 'one', soakMillis, gate, take: { by: 'count', count: 1 } } as const
    const half = { name: 'half', soakMillis, gate, take: { by: 'percent', percent: 34 } } as const
    assert.deepEqual(waves({ ...REQUEST, select, waves: [named, half] }), [
      ['harbour/bms-3:0'],
      ['harbour/bms-1:0', 'harbour/bms-2:0'],
    ])
    const rest = { name: 'rest', soakMillis, gate, take: { by: 'rest' } } as const
    assert.deepEqual(waves({ ...REQUEST, select: { regions: ['nl-east'] }, waves: [one, rest] }), [['polder/bms-1:0']])
    const left = build({ ...REQUEST, select, waves: [one] }, sources())
    assert(isRefusal(left))
    assert.equal(left.code, 'plan-controllers-left')
    const empty = build({ ...REQUEST, select, waves: [rest, one] }, sources())
    assert(isRefusal(empty))
    assert.equal(empty.code, 'plan-wave-empty')
    const foreign = build({ ...REQUEST, select: { sites: ['polder'] }, waves: [named, rest] }, sources())
    assert(isRefusal(foreign))
    assert.equal(foreign.code, 'plan-controller-not-selected')
  })

  test('what was only matched is passed over with its reason', () => {
    const fleet = [...FLEET, controller('bms-4', { version: '2.0.0' }), controller('ems-1', { class: 'ems' })]
    const draft = orThrow(build(REQUEST, sources(fleet)))
    assert.deepEqual(
      draft.passedOver.map(({ controller, why }) => [controller, why.code]),
      [
        ['bms-4', 'release-not-newer'],
        ['ems-1', 'plan-class-mismatch'],
      ],
    )
    assert(draft.passedOver[0]?.why.subject.startsWith('harbour/bms-4'))
  })

  const only = { select: { controllers: ['harbour/x'] }, releases: [{ path: 'bms/2.0.0.suit' }] }
  const rows: [name: string, change: Partial<PlanRequest>, from: PlanSources, code: RefusalCode][] = [
    ['a release that is not published', { releases: [{ path: 'bms/9.suit' }] }, sources(), 'plan-release-unknown'],
    ['an unknown controller', { select: { controllers: ['harbour/bms-9'] } }, sources(), 'plan-controller-unknown'],
    ['a controller without its site', { select: { controllers: ['bms-1'] } }, sources(), 'plan-controller-unknown'],
    ['a selection of nobody', { select: { sites: ['atlantis'] } }, sources(), 'plan-nothing-selected'],
    ['an empty fleet', {}, sources([]), 'plan-nothing-selected'],
    [
      'two releases for one board',
      { releases: [{ path: 'bms/2.0.0.suit' }, { path: 'bms/b' }] },
      sources(FLEET, release('bms/b')),
      'plan-release-ambiguous',
    ],
    ['the wrong class', only, sources([controller('x', { class: 'pcs' })]), 'plan-class-mismatch'],
    ['the wrong vendor', only, sources([controller('x', { vendor: 'other.example' })]), 'plan-class-mismatch'],
    ['the wrong hardware', only, sources([controller('x', { hardware: 'r9' })]), 'release-wrong-hardware'],
    ['a slot too small', only, sources([controller('x', { slot: bytes(999) })]), 'release-larger-than-slot'],
    ['an old boot chain', only, sources([controller('x', { bootloader: 0 })]), 'release-bootloader-unsuited'],
    ['the same version', only, sources([controller('x', { version: '2.0.0' })]), 'release-not-newer'],
    ['a newer version', only, sources([controller('x', { version: '2.0.1' })]), 'release-not-newer'],
    ['a floor above', only, sources([controller('x', { counter: 2 })]), 'release-below-floor'],
    [
      'a controller that never reported',
      only,
      sources([controller('x', { attested: null })]),
      'plan-controller-not-attested',
    ],
    [
      'a controller that cannot decrypt, of an encrypted release,',
      only,
      sources([controller('x', { decrypts: false })], release('bms/2.0.0.suit', { encryption: ENCRYPTION })),
      'controller-without-decryption-key',
    ],
    ['an end that is past', { notAfter: instant(T0) }, sources(), 'plan-times-disordered'],
    ['a title of two lines', { title: 'a\nb' }, sources(), 'plan-malformed'],
  ]
  for (const [name, change, from, code] of rows) {
    test(`${name} is refused`, () => {
      const refused = build({ ...REQUEST, ...change }, from)
      assert(isRefusal(refused))
      assert.equal(refused.code, code)
    })
  }

  test('when every matched controller is passed over, the first reason refuses the request', () => {
    const refused = build(REQUEST, sources([controller('bms-1', { version: '3.0.0' })]))
    assert(isRefusal(refused))
    assert.equal(refused.code, 'release-not-newer')
  })

  test('attack: a release by a key that a controller does not accept is not planned; stepping gives what comes first', () => {
    const [next, other] = ['b2'.repeat(32), 'c3'.repeat(32)]
    const add = { kind: 'add', kid: next, alg: 'ed25519', spki: '00' } as const
    const [path, goal] = release('bms/3.0.0.suit', { version: v('3.0.0'), sequence: 3 })
    const [stonePath, stone] = release('bms/2.5.0.suit', { version: v('2.5.0'), sequence: 2, transition: add })
    const from = (signer: string): PlanSources => {
      const fleet = [controller('bms-1'), controller('bms-2', { version: '2.5.0' })]
      const attested = { ...fleet[1]!.attested!, anchors: [KEY, next] }
      const both = sources([fleet[0]!, { ...fleet[1]!, attested }], [path, { ...goal, signers: [signer] }])
      return { ...both, stones: [stone] }
    }
    const asked = { ...REQUEST, releases: [{ path }] }
    const plain = orThrow(build(asked, from(next)))
    assert.deepEqual(
      [...plannedControllers(plain.plan)].map(one => one.controller),
      ['bms-2'],
    )
    assert.deepEqual(
      plain.passedOver.map(({ why }) => [why.code, why.expected]),
      [['plan-keys-not-accepted', `${stonePath} before it`]],
    )
    const { plan } = orThrow(build({ ...asked, stepping: true }, from(next)))
    const given = [...plannedControllers(plan)].map(one => [one.controller, plan.releases[one.release]!.path])
    assert.deepEqual(given.toSorted(), [
      ['bms-1', stonePath],
      ['bms-2', path],
    ])
    const only = orThrow(build({ ...asked, stepping: true, select: { controllers: ['harbour/bms-1'] } }, from(next)))
    assert.deepEqual(
      only.plan.releases.map(one => one.path),
      [stonePath],
      'what nobody gets is not approved either',
    )
    const lost = build({ ...asked, stepping: true }, from(other))
    assert(isRefusal(lost))
    assert.equal(lost.code, 'plan-key-path-missing')
  })

  test('the inventory refuses a controller that is registered twice', () => {
    const refused = inventoryOf([controller('bms-1'), controller('bms-1')])
    assert(isRefusal(refused))
    assert.equal(refused.code, 'inventory-duplicate')
  })
})
