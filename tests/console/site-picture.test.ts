import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ageText, agoText, gatewayHeard } from '../../console/picture/age.ts'
import { permissivesOf } from '../../console/picture/permissives.ts'
import { schematicOf } from '../../console/picture/schematic.ts'
import {
  cardsOf,
  countsOf,
  groupsOf,
  isLoud,
  matches,
  standingOf,
  waitRows,
  workOf,
  worstFirst,
} from '../../console/picture/site-cards.ts'
import { slotsOf } from '../../console/picture/slots.ts'
import { untilText, whenText } from '../../console/picture/when.ts'
import type { PlantSeen, PlantShown } from '../../src/wire/plant-api.ts'
import type {
  AttestedState,
  PlacedController,
  PlannedTurn,
  SiteControllerView,
  SiteView,
} from '../../src/wire/site-views.ts'

const NOW = Date.UTC(2026, 10, 24, 21, 30)
const version = (name: string) => ({ version: name, sequence: 1, digest: 'ab' })

const attested = (more: Partial<AttestedState> = {}): AttestedState => ({
  sequence: 3,
  at: NOW - 60_000,
  seenAt: NOW - 59_000,
  event: 'boot',
  state: 'stable',
  slot: 'a',
  running: version('1.0.0'),
  previous: null,
  staged: null,
  armed: false,
  golden: version('0.9.0'),
  counter: 4,
  anchors: [],
  attempts: [],
  figures: {},
  refusal: null,
  ...more,
})

const turn = (more: Partial<PlannedTurn> = {}): PlannedTurn => ({
  campaign: 'autumn',
  title: 'Autumn',
  campaignState: 'running',
  state: 'assigned',
  stage: 'staged',
  wave: 1,
  version: '1.1.0',
  since: NOW - 1000,
  detail: null,
  ...more,
})

const controller = (id: string, more: Partial<SiteControllerView> = {}): SiteControllerView => ({
  id,
  attested: attested(),
  fault: null,
  turns: [],
  waits: null,
  ...more,
})

const placed = (id: string, more: Partial<PlacedController> = {}): PlacedController => ({
  id,
  class: 'bms',
  hardware: 'r1',
  link: 'lan',
  cabinet: null,
  rack: null,
  power: null,
  energy: null,
  feeder: null,
  behind: null,
  circle: null,
  labels: [],
  ...more,
})

const site = (controllers: readonly PlacedController[]): SiteView => ({
  site: 'fjell',
  name: 'Fjell storage',
  region: 'no-west',
  zone: 'Europe/Oslo',
  gateway: { id: 'gw', heardAt: NOW, silentAfterMillis: 900_000, upstream: 0 },
  classes: [{ class: 'bms', vendor: 'v.example', duty: 'protection', restartMillis: 600_000, bootloader: 1 }],
  links: [{ id: 'lan', kind: 'ethernet' }],
  groups: [],
  controllers,
  limits: {
    windows: [],
    blackouts: [],
    permissives: [{ point: 'state-of-charge', threshold: 'at least 30 %', maxAgeMillis: 30_000, classes: null }],
    restarting: null,
  },
})

const shown = (more: Partial<PlantShown> = {}, heardAt: number = NOW - 10_000): PlantSeen => ({
  heardAt,
  plant: { fault: null, permissives: [], waits: [], more: 0, ...more },
})

describe('slots', () => {
  const words = (state: AttestedState | null): string[] =>
    slotsOf(state).map(({ role, version }) => `${role} ${version ?? '?'}`)

  const rows: [name: string, state: AttestedState | null, slots: string[]][] = [
    ['nothing attested: nothing is known', null, ['unknown ?', 'unknown ?', 'unknown ?']],
    [
      'what the report does not say of the other slot is not guessed',
      attested(),
      ['running 1.0.0', 'unknown ?', 'ready 0.9.0'],
    ],
    [
      'what it can go back to',
      attested({ slot: 'b', previous: version('0.9.5') }),
      ['previous 0.9.5', 'running 1.0.0', 'ready 0.9.0'],
    ],
    ['staged', attested({ staged: version('1.1.0') }), ['running 1.0.0', 'staged 1.1.0', 'ready 0.9.0']],
    ['armed', attested({ staged: version('1.1.0'), armed: true }), ['running 1.0.0', 'armed 1.1.0', 'ready 0.9.0']],
    [
      'on trial',
      attested({ slot: 'b', state: 'trial', previous: version('0.9.5') }),
      ['previous 0.9.5', 'trial 1.0.0', 'ready 0.9.0'],
    ],
    [
      'on trial, and what is staged is in no slot that the report names',
      attested({ state: 'trial', staged: version('1.1.0') }),
      ['trial 1.0.0', 'unknown ?', 'ready 0.9.0'],
    ],
    [
      'the rescue image runs: which slot is which is not said',
      attested({ slot: 'golden', state: 'golden', golden: null, staged: version('1.1.0') }),
      ['unknown ?', 'unknown ?', 'rescue 1.0.0'],
    ],
    ['no golden image is told', attested({ golden: null }), ['running 1.0.0', 'unknown ?', 'unknown ?']],
  ]
  for (const [name, state, slots] of rows) test(name, () => assert.deepEqual(words(state), slots))
})

/** A site's link on which somebody is asked before a full image comes. */
const ASKS = { rule: 'link', about: 'ask' }

describe('how a controller stands', () => {
  const waits = {
    rule: 'window',
    about: 'shut',
    sentence: 'x waits: it is outside the windows.',
    value: null,
    threshold: null,
    ageMillis: null,
    nextPossible: null,
    at: NOW,
  }
  const rows: [view: SiteControllerView | null, kind: string, word: string][] = [
    [null, 'unknown', 'not enrolled'],
    [controller('x', { attested: null }), 'unknown', 'never reported'],
    [controller('x', { fault: 'report-signature-invalid', attested: null }), 'trust', 'its report is not believed'],
    [controller('x', { attested: attested({ state: 'golden', slot: 'golden' }) }), 'failed', 'rescue image runs'],
    [controller('x', { attested: attested({ state: 'trial' }) }), 'busy', 'on trial'],
    [controller('x', { turns: [turn({ state: 'failed', stage: null })] }), 'failed', 'update failed'],
    [controller('x', { turns: [turn()], waits }), 'waiting', 'waits for its turn'],
    [controller('x', { turns: [turn()], waits: { ...waits, ...ASKS } }), 'attention', 'waits for a yes at its site'],
    [controller('x', { turns: [turn({ stage: 'granted' })], waits }), 'busy', 'restarting'],
    [controller('x', { turns: [turn({ state: 'confirmed', stage: null })] }), 'good', 'stable'],
    [controller('x', { turns: [turn({ state: 'returning', stage: 'ordered' })] }), 'busy', 'going back'],
  ]
  for (const [view, kind, word] of rows) {
    test(word, () => assert.deepEqual(standingOf(view), { kind, word }))
  }
})

describe('cards', () => {
  test('a controller of the file that nobody enrolled stands there as unknown', () => {
    const [one, other] = cardsOf(site([placed('a'), placed('b')]), [controller('a')], null, NOW)
    assert.deepEqual([one?.word, other?.word], ['stable', 'not enrolled'])
    assert.deepEqual(
      other?.slots.map(({ role }) => role),
      ['unknown', 'unknown', 'unknown'],
    )
  })

  test('why waiting: the figures of now where the gateway shows them, with the age of the value by now', () => {
    const waits = {
      rule: 'permissive',
      about: 'state-of-charge',
      sentence: 'a waits: charge 18 %.',
      value: '18 %',
      threshold: 'at least 30 %',
      ageMillis: 4000,
      nextPossible: null,
      at: NOW - 600_000,
    }
    const view = controller('a', { turns: [turn()], waits })
    const [old] = cardsOf(site([placed('a')]), [view], null, NOW)
    assert.deepEqual([old?.waiting?.age, old?.waiting?.saidAgo], [604_000, 600_000])
    const group = {
      rule: 'permissive',
      because: 'charge 21 %',
      value: '21 %',
      threshold: 'at least 30 %',
      ageMillis: 2000,
      nextPossible: null,
      controllers: ['a'],
    }
    const [fresh] = cardsOf(site([placed('a')]), [view], shown({ waits: [group] }), NOW)
    assert.deepEqual([fresh?.waiting?.value, fresh?.waiting?.age], ['21 %', 12_000])
    assert.equal(fresh?.waiting?.sentence, 'a waits: charge 21 %.')
    // What the log says later than the picture holds.
    const later = { ...view, waits: { ...waits, at: NOW - 5000 } }
    const [last] = cardsOf(site([placed('a')]), [later], shown({ waits: [group] }), NOW)
    assert.equal(last?.waiting?.value, '18 %')
  })

  test('who waits for the same stands in one row', () => {
    const say = (id: string, because: string) =>
      controller(id, {
        waits: {
          rule: 'window',
          about: 'shut',
          sentence: `${id} waits: ${because}.`,
          value: null,
          threshold: null,
          ageMillis: null,
          nextPossible: NOW,
          at: NOW,
        },
      })
    const cards = cardsOf(
      site(['a', 'b', 'c'].map(id => placed(id))),
      [say('a', 'one'), say('b', 'two'), say('c', 'two')],
      null,
      NOW,
    )
    assert.deepEqual(
      waitRows(cards).map(({ because, ids }) => [because, ids]),
      [
        ['two.', ['b', 'c']],
        ['one.', ['a']],
      ],
    )
  })

  const groups = (all: readonly PlacedController[]): (readonly [string, number])[] =>
    groupsOf(cardsOf(site(all), [], null, NOW)).map(({ name, cards }) => [name, cards.length] as const)

  test('groups: cabinets, or what is behind a converter, or racks that are shared, or classes', () => {
    assert.deepEqual(groups([placed('a', { cabinet: 'C1' }), placed('b', { cabinet: 'C1' }), placed('c')]), [
      ['Cabinet C1', 2],
      ['The rest of the site', 1],
    ])
    assert.deepEqual(
      groups([placed('pcs'), placed('b', { behind: 'pcs' }), placed('c', { behind: 'b' }), placed('d')]),
      [
        ['pcs and behind it', 3],
        ['The rest of the site', 1],
      ],
    )
    assert.deepEqual(groups([placed('a', { rack: 'R1' }), placed('b', { rack: 'R1' })]), [['Rack R1', 2]])
    assert.deepEqual(groups([placed('a', { rack: 'R1' }), placed('b', { rack: 'R2' })]), [['Class bms', 2]])
  })

  test('a circle that no site file has does not hang the page', () => {
    assert.equal(
      groups([placed('a', { behind: 'b' }), placed('b', { behind: 'a' })])
        .flatMap(([, count]) => count)
        .reduce((x, y) => x + y),
      2,
    )
  })

  test('a group says its worst first, and is open when somebody should see it', () => {
    const cards = cardsOf(
      site([placed('a'), placed('b')]),
      [controller('a'), controller('b', { attested: attested({ state: 'golden', slot: 'golden' }) })],
      null,
      NOW,
    )
    assert.deepEqual(countsOf(cards), [
      { kind: 'failed', count: 1 },
      { kind: 'good', count: 1 },
    ])
    assert.ok(groupsOf(cards).every(isLoud))
    assert.deepEqual(
      worstFirst(cards).map(({ id }) => id),
      ['b', 'a'],
    )
  })

  test('the filter finds ids, classes, places, states and versions, every word of it', () => {
    const [card] = cardsOf(site([placed('bms-7', { rack: 'R4' })]), [controller('bms-7')], null, NOW)
    assert.ok(card !== undefined)
    for (const word of ['bms-7', 'r4 1.0', 'stable', '']) assert.equal(matches(card, word), true, word)
    for (const word of ['bms-8', 'r4 2.0']) assert.equal(matches(card, word), false, word)
  })

  test('work, by campaign: where its turns stand', () => {
    const all = [
      controller('a', { turns: [turn()] }),
      controller('b', { turns: [turn({ stage: 'granted' }), turn({ campaign: 'spring' })] }),
      controller('c', { turns: [turn({ campaign: 'summer', campaignState: 'rolled-back' })] }),
    ]
    assert.deepEqual(
      workOf(all).map(({ campaign, counts }) => [campaign, counts]),
      [
        [
          'autumn',
          [
            { state: 'staged', count: 1 },
            { state: 'granted', count: 1 },
          ],
        ],
        ['spring', [{ state: 'staged', count: 1 }]],
      ],
    )
  })
})

describe('permissives', () => {
  const one = {
    by: 'limits of the site',
    point: 'state-of-charge',
    threshold: 'at least 30 %',
    maxAgeMillis: 30_000,
    classes: null,
    permits: 0,
    refuses: 1,
    unknown: 0,
  }
  const worst = { of: null, stands: 'refuses' as const, value: '18 %', ageMillis: 4000, because: 'charge 18 %' }

  test('before the gateway has shown them: the rules, without a value, not known', () => {
    const [row] = permissivesOf(site([]), { heardAt: null, plant: null }, NOW)
    assert.deepEqual([row?.kind, row?.value, row?.threshold], ['unknown', null, 'at least 30 %'])
  })

  test('each with value, threshold and age by now', () => {
    const [row] = permissivesOf(site([]), shown({ permissives: [{ ...one, worst: [worst] }] }), NOW)
    assert.deepEqual([row?.kind, row?.word, row?.value, row?.age], ['attention', 'holds back', '18 %', 14_000])
  })

  test('what was heard long ago says nothing of now, and keeps its age', () => {
    const [row] = permissivesOf(
      site([]),
      shown({ permissives: [{ ...one, worst: [{ ...worst, stands: 'permits' }] }] }, NOW - 300_000),
      NOW,
    )
    assert.deepEqual([row?.kind, row?.age], ['unknown', 304_000])
  })

  test('of many places the worst, and how many', () => {
    const many = { ...one, permits: 37, refuses: 2, unknown: 1, worst: [{ ...worst, of: 'bms-3' }] }
    const [row] = permissivesOf(site([]), shown({ permissives: [many] }), NOW)
    assert.deepEqual([row?.of, row?.places], ['bms-3', '2 hold back, 1 not known, of 40'])
  })
})

describe('the schematic', () => {
  const duties = new Map([
    ['bms', 'protection'],
    ['pcs', 'power'],
  ])
  /** A site of converters with racks behind them, and some that stand alone. */
  const plants = fc
    .array(fc.integer({ min: 0, max: 60 }), { minLength: 0, maxLength: 8 })
    .map(racks =>
      racks.flatMap((count, pcs) => [
        placed(`pcs-${pcs}`, { class: 'pcs' }),
        ...Array.from({ length: count }, (_, at) => placed(`bms-${pcs}-${at}`, { behind: `pcs-${pcs}` })),
      ]),
    )

  test('every controller stands in it once, inside it, and none over another', () => {
    fc.assert(
      fc.property(plants, fc.integer({ min: 280, max: 1400 }), (all, width) => {
        const cards = cardsOf(site(all), [], null, NOW)
        const { nodes, height } = schematicOf(cards, 'gw', duties, width)
        assert.deepEqual(nodes.map(({ id }) => id).toSorted(), ['gw', ...all.map(({ id }) => id)].toSorted())
        for (const { x, y, w, h } of nodes) assert.ok(x >= 0 && y >= 0 && x + w <= width && y + h <= height)
        const byRow = nodes.toSorted((a, b) => a.y - b.y || a.x - b.x)
        for (const [index, one] of byRow.entries()) {
          for (const other of byRow.slice(index + 1)) {
            if (other.y >= one.y + one.h) break
            assert.ok(other.x >= one.x + one.w || one.x >= other.x + other.w, `${one.id} over ${other.id}`)
          }
        }
      }),
      { seed: 11, numRuns: 120 },
    )
  })

  test('two hundred racks are marks without names, on less than two screens', () => {
    const all = Array.from({ length: 200 }, (_, at) => placed(`bms-${at}`))
    const { nodes, height } = schematicOf(cardsOf(site(all), [], null, NOW), 'gw', duties, 700)
    assert.equal(nodes.filter(({ named }) => !named).length, 200)
    assert.ok(height < 400, `${height}`)
  })
})

describe('times', () => {
  test('how long ago, and until', () => {
    assert.deepEqual([agoText(300), agoText(4000), agoText(-50)], ['just now', '4 s ago', 'just now'])
    assert.deepEqual([untilText(NOW + 7_200_000, NOW, ageText), untilText(NOW, NOW, ageText)], ['in 2 h', '1 s ago'])
  })

  test('a gateway is silent behind the time that its server goes by, and the page says which', () => {
    const heard = (ago: number | null) =>
      gatewayHeard({ heardAt: ago === null ? null : NOW - ago, silentAfterMillis: 120_000 }, NOW)
    assert.deepEqual(heard(120_000), { silent: false, text: 'heard 2 min ago' })
    assert.deepEqual(heard(180_000), { silent: true, text: 'heard 3 min ago: silent, for more than 2 min' })
    assert.deepEqual(heard(null), { silent: true, text: 'not heard since the server started' })
  })

  test('a moment in the site’s zone and in UTC, with the day that each has', () => {
    assert.equal(
      whenText(Date.UTC(2026, 10, 24, 23, 30), 'Europe/Oslo'),
      'Wed, 25 Nov 2026, 00:30 Europe/Oslo (Tue, 24 Nov 2026, 23:30 UTC)',
    )
    assert.equal(whenText(NOW, 'Europe/Oslo'), 'Tue, 24 Nov 2026, 22:30 Europe/Oslo (21:30 UTC)')
    assert.equal(whenText(NOW, 'UTC'), 'Tue, 24 Nov 2026, 21:30 UTC')
    assert.equal(whenText(NOW, 'Nowhere/Else'), 'Tue, 24 Nov 2026, 21:30 UTC')
  })
})
