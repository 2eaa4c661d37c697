import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import type { PlanSources } from '../../../src/core/campaign/draft.ts'
import type { SourceSite } from '../../../src/core/campaign/draft-site.ts'
import { planBytes } from '../../../src/core/campaign/plan.ts'
import { previewOf } from '../../../src/core/campaign/preview.ts'
import { openSheet, sheetFile } from '../../../src/core/campaign/sheet.ts'
import { plannedControllers } from '../../../src/core/campaign/turns.ts'
import { wattHours, watts } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'
import { asked, BMS, type Board, draftOf, KEY, PCS, releaseOf, siteOf, sourcesOf, v, wavesOf } from './fleets.ts'
import { T0 } from './plans.ts'

const BOARDS: readonly Board[] = [
  { id: 'bms-2', rack: 'r2', labels: ['night'] },
  { id: 'bms-1', rack: 'r1', power: 500_000 as never, behind: 'pcs-1' },
  { id: 'bms-3', rack: 'r3', power: 400_000 as never, behind: 'pcs-1' },
  { id: 'pcs-1', class: 'pcs', rack: 'r1', power: 1_000_000 as never },
]
const HARBOUR = siteOf('harbour', BOARDS)
const POLDER = siteOf('polder', [{ id: 'bms-1', version: '1.5.0' }], { region: 'nl-east' })
const FLEET = [HARBOUR, POLDER]
const ENCRYPTION = { segmentBytes: 16_384, digest: 'aa'.repeat(32), keyCheck: 'bb'.repeat(32) }

const codeOf = (answer: unknown): string => (isRefusal(answer) ? answer.code : 'taken')

describe('drawing up a plan', () => {
  test('one canary of each class, then the rest, in order of site and id', () => {
    const draft = orThrow(draftOf(asked({}), FLEET))
    assert.deepEqual(wavesOf(draft), [
      ['harbour/bms-1', 'harbour/pcs-1'],
      ['harbour/bms-2', 'harbour/bms-3', 'polder/bms-1'],
    ])
    const given = [...plannedControllers(draft.plan)].map(one => [
      one.controller,
      draft.plan.releases[one.release]?.path,
    ])
    assert.deepEqual(given.slice(0, 4), [
      ['bms-1', BMS[0]],
      ['bms-2', BMS[0]],
      ['bms-3', BMS[0]],
      ['pcs-1', PCS[0]],
    ])
    for (const proven of draft.sheets) {
      const opened = openSheet(sheetFile(proven), draft.plan, proven.sheet.site, crypto)
      assert(!isRefusal(opened), 'every sheet opens under the head')
    }
  })

  test('the same fleet in another order gives the same bytes', () => {
    const turned = FLEET.toReversed().map(({ site, known }) => ({
      site: { ...site, controllers: site.controllers.toReversed() },
      known: new Map([...known].reverse()),
    }))
    const one = orThrow(draftOf(asked({}), FLEET))
    const other = orThrow(draftOf(asked({}), turned as SourceSite[]))
    assert.deepEqual(planBytes(one.plan), planBytes(other.plan))
  })

  const all = ['harbour/bms-1', 'harbour/bms-2', 'harbour/bms-3', 'harbour/pcs-1', 'polder/bms-1']
  const rest = { name: 'rest', take: 'rest' }
  const takes: [name: string, take: object, expected: readonly string[]][] = [
    ['so many', { count: 2 }, ['harbour/bms-1', 'harbour/bms-2']],
    ['so many percent, rounded up', { percent: 41 }, ['harbour/bms-1', 'harbour/bms-2', 'harbour/bms-3']],
    ['by a label', { labels: ['night'] }, ['harbour/bms-2']],
    ['named controllers', { controllers: ['polder/bms-1', 'harbour/bms-3'] }, ['harbour/bms-3', 'polder/bms-1']],
    ['named sites', { sites: ['polder'] }, ['polder/bms-1']],
    ['the next sites', { nextSites: 1 }, all.slice(0, 4)],
    ['whole racks', { racks: 2 }, ['harbour/bms-1', 'harbour/bms-2', 'harbour/pcs-1']],
  ]
  for (const [name, take, expected] of takes) {
    test(`a wave takes ${name}`, () => {
      const [first, second] = wavesOf(draftOf(asked({ waves: [{ name: 'one', take }, rest] }), FLEET))
      assert.deepEqual(first, expected)
      assert.deepEqual(
        second?.toSorted(),
        all.filter(one => !expected.includes(one)),
      )
    })
  }

  const selects: [name: string, select: object, expected: readonly string[]][] = [
    ['regions', { regions: ['nl-east'] }, ['polder/bms-1']],
    ['sites and classes', { sites: ['harbour'], classes: ['pcs'] }, ['harbour/pcs-1']],
    ['labels', { labels: ['night', 'day'] }, ['harbour/bms-2']],
    ['versions of a class', { versions: { bms: '<1.5' }, classes: ['bms'] }, all.slice(0, 3)],
    ['controllers', { controllers: ['polder/bms-1'] }, ['polder/bms-1']],
  ]
  for (const [name, select, expected] of selects) {
    test(`a selection by ${name}`, () => {
      assert.deepEqual(wavesOf(draftOf(asked({ select, waves: [rest] }), FLEET)), [expected])
    })
  }

  test('what was only matched is passed over with its reason', () => {
    const more = siteOf('quay', [
      { id: 'bms-4', version: '2.0.0' },
      { id: 'ems-1', class: 'ems' },
    ])
    const draft = orThrow(draftOf(asked({}), [...FLEET, more]))
    assert.deepEqual(
      draft.passedOver.map(({ controller, why }) => [controller, why.code]),
      [
        ['bms-4', 'release-not-newer'],
        ['ems-1', 'plan-class-mismatch'],
      ],
    )
    assert(draft.passedOver[0]?.why.subject.startsWith('quay/bms-4'))
    assert(!draft.plan.sheetOf.has('quay'), 'a site where nobody gets anything has no sheet')
  })

  const SHUT = { why: 'never', days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '00:00', to: '00:00' }
  const MANY = Array.from({ length: 1000 }, (_, n) => `${'region'.repeat(5)}-${n}`)
  const NIGHT = { windows: [{ days: ['sat'], from: '01:00', to: '03:00' }] }

  test('the preview says when each site may restart: by the clock on its wall, and in UTC', () => {
    const kolkata = siteOf('kolkata', [{ id: 'bms-1' }], { zone: 'Asia/Kolkata' })
    const draft = orThrow(draftOf(asked({ rules: NIGHT, validFor: '10d' }), [HARBOUR, kolkata]))
    const [harbour, other] = previewOf(draft, 10).sites
    assert.deepEqual(
      [harbour, other].map(site => site?.windows?.map(({ from, localFrom, localTo }) => [from, localFrom, localTo])),
      [
        [[Date.UTC(2026, 8, 25, 23), 'Sat 2026-09-26 01:00', 'Sat 2026-09-26 03:00']],
        [[Date.UTC(2026, 8, 25, 19, 30), 'Sat 2026-09-26 01:00', 'Sat 2026-09-26 03:00']],
      ],
    )
    assert.equal(previewOf(orThrow(draftOf(asked({}), FLEET)), 10).sites[0]?.windows, null)
    const weeks = orThrow(draftOf(asked({ rules: NIGHT, validFor: '20d' }), [HARBOUR]))
    assert.equal(previewOf(weeks, 10).sites[0]?.windows?.length, 3)
  })

  test('a budget that a controller alone is larger than is refused, and nobody waits for ever', () => {
    const board = { id: 'x', power: watts(250_000), energy: wattHours(500_000) }
    const drawn = (budget: object, more: Partial<Board> = {}, limits: object = {}) => {
      const site = siteOf('harbour', [{ ...board, ...more }], { limits })
      const draft = draftOf(asked({ waves: [{ name: 'one', take: 'rest' }], rules: { budgets: [budget] } }), [site])
      return isRefusal(draft) ? `${draft.code}: ${draft.expected}; ${draft.actual}` : 'drawn'
    }
    const small = 'campaign-budget-too-small: at most'
    assert.equal(drawn({ per: 'site', watts: '250kW', wattHours: '500kWh', controllers: 1 }), 'drawn')
    for (const per of ['site', 'region', 'fleet']) {
      const got = drawn({ per, watts: '249kW' })
      assert.equal(got, `${small} 249 kW for each ${per}, by the plan; 250 kW at rules.budgets[0].watts`)
    }
    const energy = `${small} 400 kWh for each site, by the plan; 500 kWh at rules.budgets[0].wattHours`
    assert.equal(drawn({ per: 'site', wattHours: '400kWh' }), energy)
    assert.equal(drawn({ per: 'feeder', watts: '1kW' }), 'drawn', 'it is on no feeder')
    assert.match(drawn({ per: 'feeder', watts: '1kW' }, { feeder: 'west' }), /for each feeder/)
    const limits = { budgets: [{ per: 'site', watts: '100kW' }] }
    assert.equal(
      drawn({ per: 'site', controllers: 1 }, {}, limits),
      `${small} 100 kW for each site, by the limits of the site; 250 kW`,
    )
  })

  test('attack: a converter without a power of its own, in front of what is larger than the budget', () => {
    const racks = [1, 2].map((n): Board => ({ id: `r-${n}`, class: 'ems', power: watts(250_000), behind: 'x' }))
    const site = siteOf('harbour', [{ id: 'x', class: 'pcs' }, ...racks.map(one => ({ ...one, feeder: 'west' }))])
    const drawn = (budget: object) => {
      const only = { select: { controllers: ['harbour/x'] }, waves: [{ name: 'one', take: 'rest' }] }
      return draftOf(asked({ ...only, rules: { budgets: [budget] } }), [site])
    }
    for (const per of ['site', 'feeder', 'region', 'fleet']) {
      const refused = drawn({ per, watts: '499kW' })
      assert.equal(codeOf(refused), 'campaign-budget-too-small', per)
      assert.match(isRefusal(refused) ? refused.actual : '', /^500 kW/)
    }
    const [wave] = previewOf(orThrow(drawn({ per: 'site', watts: '500kW' })), 10).waves
    assert.equal(wave?.watts, 500_000)
  })

  const only = (board: Partial<Board>) => [siteOf('harbour', [{ id: 'x', ...board }])]
  const X = { select: { controllers: ['harbour/x'] }, releases: [BMS[0]] }
  const one = { name: 'one', take: { count: 1 } }
  type Row = [name: string, file: object, fleet: readonly SourceSite[], code: RefusalCode, from?: PlanSources]
  const rows: Row[] = [
    ['a release that is not published', { releases: ['bms/9.suit'] }, FLEET, 'plan-release-unknown'],
    ['an unknown controller', { select: { controllers: ['harbour/bms-9'] } }, FLEET, 'plan-controller-unknown'],
    ['an unknown site', { select: { sites: ['atlantis'] } }, FLEET, 'site-unknown'],
    ['a selection of nobody', { select: { regions: ['atlantis'] } }, FLEET, 'plan-nothing-selected'],
    ['an empty fleet', {}, [], 'plan-nothing-selected'],
    [
      'two releases for one board',
      { releases: [BMS[0], 'bms/b'] },
      FLEET,
      'plan-release-ambiguous',
      sourcesOf([BMS, releaseOf('bms/b')]),
    ],
    ['the wrong class', X, only({ class: 'pcs' }), 'plan-class-mismatch'],
    ['the wrong vendor', X, [siteOf('harbour', [{ id: 'x' }], { vendor: 'other.example' })], 'plan-class-mismatch'],
    ['the wrong hardware', X, only({ hardware: 'r9' }), 'release-wrong-hardware'],
    ['the same version', X, only({ version: '2.0.0' }), 'release-not-newer'],
    ['a newer version', X, only({ version: '2.0.1' }), 'release-not-newer'],
    ['a floor above', X, only({ counter: 2 }), 'release-below-floor'],
    ['a controller that never reported', X, only({ version: null }), 'plan-controller-not-attested'],
    [
      'a controller that cannot decrypt, of an encrypted release,',
      X,
      only({ decrypts: false }),
      'controller-without-decryption-key',
      sourcesOf([releaseOf(BMS[0], { encryption: ENCRYPTION })]),
    ],
    [
      'a window that never opens in the time of the plan',
      { rules: NIGHT, validFor: '2d' },
      FLEET,
      'plan-window-never-opens',
    ],
    [
      'a window that is shorter than a restart',
      { rules: { windows: [{ days: ['sat'], from: '01:00', to: '01:05' }] }, validFor: '20d' },
      FLEET,
      'plan-window-never-opens',
    ],
    [
      'a window that the site’s own limits shut',
      { rules: NIGHT, validFor: '20d' },
      [siteOf('harbour', [{ id: 'x' }], { limits: { windows: [{ days: ['sun'], from: '01:00', to: '03:00' }] } })],
      'plan-window-never-opens',
    ],
    [
      'attack: a blackout of a region that is misspelt, and would hold nowhere',
      { rules: { blackouts: [{ ...SHUT, regions: ['nl-wset'] }] } },
      FLEET,
      'rules-hold-nowhere',
    ],
    [
      'attack: a blackout of a site that is not in the plan',
      { rules: { blackouts: [{ ...SHUT, sites: ['harbor'] }] } },
      FLEET,
      'rules-hold-nowhere',
    ],
    ['an end that is past', { notAfter: T0 }, FLEET, 'plan-times-disordered'],
    [
      'attack: a plan that is longer than anybody reads, so that the server never opens it again,',
      { rules: { blackouts: Array.from({ length: 40 }, () => ({ ...SHUT, regions: MANY })) } },
      FLEET,
      'plan-malformed',
    ],
    [
      'attack: a window that is looked for until the end of time,',
      { rules: { ...NIGHT, blackouts: [SHUT] }, notAfter: 8_640_000_000_000_000 },
      FLEET,
      'plan-window-never-opens',
    ],
    ['a wave of nobody', { waves: [rest, one] }, FLEET, 'plan-wave-empty'],
    [
      'a wave by a label that nobody has',
      { waves: [{ name: 'a', take: { labels: ['none'] } }, rest] },
      FLEET,
      'plan-wave-empty',
    ],
    ['waves that leave somebody', { waves: [one] }, FLEET, 'plan-controllers-left'],
    [
      'waves that overlap',
      { waves: [one, { name: 'two', take: { controllers: ['harbour/bms-1'] } }, rest] },
      FLEET,
      'plan-waves-overlap',
    ],
    [
      'a wave that names whom nobody selected',
      { select: { sites: ['polder'] }, waves: [{ name: 'two', take: { controllers: ['harbour/bms-1'] } }, rest] },
      FLEET,
      'plan-controller-not-selected',
    ],
    [
      'content for a board that protects the plant',
      { criticality: 'content', releases: [BMS[0]] },
      [
        siteOf('harbour', [{ id: 'x' }], {
          classes: { bms: { slot: '1MiB', hardware: 'primehub', duty: 'protection' } },
        }),
      ],
      'plan-criticality-mixed',
    ],
  ]
  for (const [name, file, fleet, code, from] of rows) {
    test(`${name} is refused`, () => {
      const refused = draftOf(asked(file), fleet, from)
      assert.equal(codeOf(refused), code, JSON.stringify(refused))
    })
  }

  test('when every matched controller is passed over, the first reason refuses the request', () => {
    assert.equal(codeOf(draftOf(asked({}), only({ version: '3.0.0' }))), 'release-not-newer')
  })

  test('attack: a release by a key that a controller does not accept is not planned; stepping stones give what comes first', () => {
    const [next, other] = ['b2'.repeat(32), 'c3'.repeat(32)]
    const add = { kind: 'add', kid: next, alg: 'ed25519', spki: '00' } as const
    const stone = releaseOf('bms/2.5.0.suit', { version: v('2.5.0'), sequence: 2, transition: add })
    const from = (signer: string): PlanSources => {
      const goal = releaseOf('bms/3.0.0.suit', { version: v('3.0.0'), sequence: 3 }, [signer])
      return sourcesOf([stone, goal])
    }
    const fleet = [
      siteOf('harbour', [{ id: 'bms-1' }, { id: 'bms-2', version: '2.5.0', sequence: 2, anchors: [KEY, next] }]),
    ]
    const file = { releases: ['bms/3.0.0.suit'], waves: [{ name: 'rest', take: 'rest' }] }
    const plain = orThrow(draftOf(asked({ ...file, steppingStones: false }), fleet, from(next)))
    assert.deepEqual(wavesOf(plain), [['harbour/bms-2']])
    assert.deepEqual(
      plain.passedOver.map(({ why }) => [why.code, why.expected]),
      [['plan-keys-not-accepted', 'bms/2.5.0.suit before it']],
    )
    const { plan } = orThrow(draftOf(asked(file), fleet, from(next)))
    const steps = plan.sheetOf
      .get('harbour')
      ?.turns.map(turn => turn.steps.map(step => plan.releases[step.release]?.path))
    assert.deepEqual(steps, [['bms/2.5.0.suit', 'bms/3.0.0.suit'], ['bms/3.0.0.suit']])
    assert.equal(codeOf(draftOf(asked(file), fleet, from(other))), 'plan-key-path-missing')
  })

  test('releases that need each other come in the order that works, and a wave brings whom it needs', () => {
    const needs = [{ class: 'bms', min: v('2.0.0') }]
    const pcs = releaseOf(PCS[0], { class: 'pcs', hardware: ['essentialhub'], dependencies: needs })
    const draft = orThrow(draftOf(asked({}), [HARBOUR], sourcesOf([BMS, pcs])))
    const orders = draft.plan.sheetOf
      .get('harbour')
      ?.turns.map(({ controller, steps }) => [controller, steps[0]?.order])
    assert.deepEqual(orders, [
      ['bms-1', 0],
      ['bms-2', 0],
      ['bms-3', 0],
      ['pcs-1', 1],
    ])
    assert.deepEqual(
      draft.waves.map(({ turns, brought }) => [turns.length, brought]),
      [[4, 2]],
      'the canary’s pcs needs every bms first',
    )
    const bound = siteOf('quay', [
      { id: 'bms-9', version: null },
      { id: 'pcs-9', class: 'pcs' },
    ])
    assert.equal(codeOf(draftOf(asked({}), [bound], sourcesOf([BMS, pcs]))), 'plan-controller-not-attested')
    const mixed = orThrow(draftOf(asked({}), [HARBOUR, bound], sourcesOf([BMS, pcs])))
    assert.deepEqual(
      mixed.passedOver.map(({ controller, why }) => [controller, why.code]),
      [
        ['bms-9', 'plan-controller-not-attested'],
        ['pcs-9', 'release-dependency-unknown'],
      ],
    )
  })

  test('a plan holds the way back that approvers are to see', () => {
    const again = releaseOf('bms/2.0.1.suit', { version: v('2.0.1'), sequence: 3 })
    const file = { wayBack: [{ of: BMS[0], to: again[0] }] }
    const { plan } = orThrow(draftOf(asked(file), FLEET, sourcesOf([BMS, PCS, again])))
    assert.deepEqual(plan.back, [{ of: 0, to: 2 }])
    assert.equal(plan.releases[2]?.path, again[0])
    assert.equal(codeOf(draftOf(asked(file), FLEET)), 'plan-release-unknown')
    const older = releaseOf('bms/1.9.0.suit', { version: v('1.9.0'), sequence: 3 })
    const wrong = asked({ wayBack: [{ of: BMS[0], to: older[0] }] })
    assert.equal(codeOf(draftOf(wrong, FLEET, sourcesOf([BMS, PCS, older]))), 'plan-back-not-newer')
  })

  test('no wave ever waits for a later one, whatever the circles, and everybody has one turn', () => {
    const needs = [{ class: 'bms', min: v('2.0.0') }]
    const pcs = releaseOf(PCS[0], { class: 'pcs', hardware: ['essentialhub'], dependencies: needs })
    const boards = fc.array(fc.record({ pcs: fc.boolean(), circle: fc.constantFrom(null, 'a', 'b') }), {
      minLength: 1,
      maxLength: 12,
    })
    const takes = fc.array(
      fc.constantFrom<object>({ count: 1 }, { count: 3 }, { percent: 30 }, { perClass: 1 }, { circles: 1 }),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(boards, takes, (boards, takes) => {
        const made = boards.map(({ pcs, circle }, n): Board => {
          return { id: `x${n}`, class: pcs ? 'pcs' : 'bms', ...(circle === null ? {} : { circle }) }
        })
        const waves = [...takes.map((take, n) => ({ name: `w${n}`, take })), { name: 'rest', take: 'rest' }]
        const draft = draftOf(asked({ waves }), [siteOf('harbour', made)], sourcesOf([BMS, pcs]))
        if (isRefusal(draft)) return assert.match(draft.code, /^plan-wave-empty$/)
        const all = draft.waves.flatMap(({ turns }, wave) => turns.map(turn => ({ ...turn, wave })))
        assert.equal(new Set(all.map(({ controller }) => controller)).size, made.length)
        assert.equal(all.length, made.length)
        for (const a of all) {
          for (const b of all) {
            const talk = a.circle === null || b.circle === null || a.circle === b.circle
            if (talk && b.steps[0]!.order < a.steps.at(-1)!.order) assert(b.wave <= a.wave, `${a.controller} waits`)
          }
        }
      }),
      { numRuns: 150 },
    )
  })

  test('members who may join later have a wave and a sheet, also where nobody is yet', () => {
    const empty = siteOf('quay', [{ id: 'ems-1', class: 'ems' }])
    const file = { select: { regions: ['nl-west'] }, joinIn: 'rest' }
    const { plan } = orThrow(draftOf(asked(file), [HARBOUR, POLDER, empty]))
    assert.deepEqual(plan.membership, { dynamic: true, select: { regions: ['nl-west'] }, wave: 1 })
    assert.deepEqual([...plan.sheetOf.keys()], ['harbour', 'quay'])
    assert.deepEqual(plan.sheetOf.get('quay')?.turns, [])
    const all = [
      { name: 'all', take: { racks: 9 } },
      { name: 'later', take: 'rest' },
    ]
    const later = orThrow(draftOf(asked({ select: { sites: ['harbour'] }, waves: all, joinIn: 'later' }), [HARBOUR]))
    assert.deepEqual(
      later.plan.waves.map(({ controllers }) => controllers),
      [4, 0],
    )
  })

  test('the preview says what is at risk: who is behind another costs nothing more, and budgets bound it', () => {
    const rules = { budgets: [{ per: 'site', watts: '1.2MW' }] }
    const wide = siteOf('harbour', [...BOARDS, { id: 'pcs-2', class: 'pcs', rack: 'r1', power: watts(1_000_000) }])
    const waves = [
      { name: 'one', take: { racks: 1 } },
      { name: 'rest', take: 'rest' },
    ]
    const preview = previewOf(orThrow(draftOf(asked({ waves, rules }), [wide, POLDER])), 10)
    assert.deepEqual(
      preview.waves.map(({ name, controllers, sites, watts, wattsAtOnce }) => [
        name,
        controllers,
        sites,
        watts,
        wattsAtOnce,
      ]),
      [
        ['one', 3, 1, 2_000_000, 1_200_000],
        ['rest', 3, 2, 400_000, 400_000],
      ],
    )
    const [harbour] = preview.sites
    assert.deepEqual([harbour?.controllers, harbour?.restarts, harbour?.leastRestarts], [5, 5, 5])
    assert.deepEqual(harbour?.steps[0], {
      order: 0,
      wave: 0,
      class: 'bms',
      from: '1.0.0',
      to: '2.0.0',
      controllers: ['bms-1'],
    })
  })
})
