import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { coordinate, type Situation } from '../../../src/core/campaign/coordinator.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import { at, granted, NOON, reading, staged, terms, told, yard } from './situations.ts'

type Row = [name: string, situation: Situation, go: string[], wait: Record<string, string>]

const spring = (written: object) => ({ terms: new Map([['spring', terms(written)]]) })
const limits = (written: object) => ({ site: yard({ limits: written }) })
const soc = { permissives: [{ point: 'state-of-charge', min: 30, maxAgeMillis: '30s' }] }

describe('whose turn it is', () => {
  const ROWS: Row[] = [
    ['nobody is staged', at({ 'bms-1': { at: 'idle' }, 'bms-2': { at: 'staging', assignment: 'spring/x/0' } }), [], {}],
    ['no rule: all go', at({ 'bms-1': staged(), 'pcs-2': staged() }), ['bms-1', 'pcs-2'], {}],

    // --- What it was ordered by ---
    [
      'an order that has expired waits for news',
      at({ 'bms-1': staged() }, { now: instant(NOON + 86_400_000) }),
      [],
      { 'bms-1': 'expired: what it was ordered by has expired; the gateway waits for news from the fleet' },
    ],
    [
      'attack: a campaign whose plan the gateway does not hold gives no turns',
      at({ 'bms-1': staged('other') }),
      [],
      { 'bms-1': 'expired: what it was ordered by has expired; the gateway waits for news from the fleet' },
    ],
    [
      'a release that failed here more often than its plan allows stops here, with the link down too',
      at(
        {
          'bms-1': { at: 'done', assignment: 'spring/x/0', result: 'reverted' },
          'bms-2': { at: 'done', assignment: 'spring/x/0', result: 'refused' },
          'bms-3': staged(),
        },
        { terms: new Map([['spring', terms({}, { maxFailures: 1 })]]) },
      ),
      [],
      { 'bms-3': 'failures: 2 controllers of campaign spring have failed at this site, at most 1 may' },
    ],

    // --- Windows ---
    [
      'outside its window',
      at({ 'bms-1': staged() }, spring({ windows: [{ days: ['thu'], from: '01:00', to: '05:00' }] })),
      [],
      { 'bms-1': 'window: it is outside the windows; next Thu 2026-11-12 01:00 UTC' },
    ],
    [
      'attack: a plan cannot open what the limits of the site keep shut',
      at(
        { 'bms-1': staged() },
        {
          ...limits({ windows: [{ days: ['thu'], from: '01:00', to: '05:00' }] }),
          ...spring({ windows: [{ days: ['wed'], from: '11:00', to: '13:00' }] }),
        },
      ),
      [],
      { 'bms-1': 'window: it is outside the windows; it does not open again within 400 days' },
    ],
    [
      'a restart has to fit into the rest: a PCS does, a rack does not',
      at(
        { 'bms-1': staged(), 'pcs-2': staged() },
        spring({ windows: [{ days: ['wed'], from: '11:00', to: '12:06' }] }),
      ),
      ['pcs-2'],
      {
        'bms-1':
          'window: what is open now ends in 6 min, and a restart takes up to 10 min; next Wed 2026-11-18 11:00 UTC',
      },
    ],
    [
      'a blackout, with its reason',
      at(
        { 'bms-1': staged() },
        limits({ blackouts: [{ why: 'winter peak', from: NOON - 1, to: '2026-11-11T18:00:00Z' }] }),
      ),
      [],
      { 'bms-1': 'blackout: blackout (winter peak); next Wed 2026-11-11 18:00 UTC' },
    ],
    [
      'a blackout that comes before the restart is over',
      at({ 'bms-1': staged() }, limits({ blackouts: [{ why: 'ramp', from: NOON + 60_000, to: NOON + 120_000 }] })),
      [],
      {
        'bms-1':
          'window: what is open now ends in 1 min, and a restart takes up to 10 min; next Wed 2026-11-11 12:02 UTC',
      },
    ],
    [
      'attack: a clock that jumped into the window does not open it',
      at(
        { 'bms-1': staged() },
        {
          ...spring({ windows: [{ days: ['wed'], from: '11:00', to: '13:00' }] }),
          doubts: [
            {
              by: 'jump',
              time: instant(NOON - 7_200_000),
              until: instant(NOON + 80_000_000),
              jumped: millis(7_200_000),
            },
          ],
        },
      ),
      [],
      {
        'bms-1':
          'clock: the clock of the gateway jumped 2 h ahead, and by the time before the jump it may not go (it is outside the windows; next Wed 2026-11-11 11:00 UTC); the new time alone counts in 22 h 13 min',
      },
    ],
    [
      'a clock that jumped within the window keeps nobody back',
      at(
        { 'bms-1': staged() },
        {
          ...spring({ windows: [{ days: ['wed'], from: '09:00', to: '13:00' }] }),
          doubts: [
            { by: 'jump', time: instant(NOON - 7_200_000), until: instant(NOON + 1), jumped: millis(7_200_000) },
          ],
        },
      ),
      ['bms-1'],
      {},
    ],

    [
      'attack: a clock that is off the fleet’s opens no window that is shut by the fleet’s',
      at(
        { 'bms-1': staged() },
        {
          ...spring({ windows: [{ days: ['wed'], from: '11:00', to: '13:00' }] }),
          doubts: [
            { by: 'jump', time: instant(NOON - 60_000), until: instant(NOON + 80_000_000), jumped: millis(60_000) },
            {
              by: 'fleet',
              time: instant(NOON - 7_200_000),
              until: instant(NOON + 80_000_000),
              jumped: millis(7_200_000),
            },
          ],
        },
      ),
      [],
      {
        'bms-1':
          'clock: the clock of the gateway is 2 h ahead of the fleet’s, and by the fleet’s it may not go (it is outside the windows; next Wed 2026-11-11 11:00 UTC); both count until they agree',
      },
    ],

    // --- Permissives ---
    [
      'state of charge too low: with value, threshold and age',
      at({ 'bms-1': staged() }, { ...spring(soc), readings: [reading('state-of-charge', 18)] }),
      [],
      { 'bms-1': "permissive: the site's state of charge 18 %, at least 30 % needed; read 4 s ago" },
    ],
    [
      'enough charge',
      at({ 'bms-1': staged() }, { ...spring(soc), readings: [reading('state-of-charge', 30)] }),
      ['bms-1'],
      {},
    ],
    [
      'a missing reading says no',
      at({ 'bms-1': staged() }, spring(soc)),
      [],
      { 'bms-1': "permissive: the site's state of charge not known: there is no reading of it" },
    ],
    [
      'attack: a stale reading says no',
      at({ 'bms-1': staged() }, { ...spring(soc), readings: [reading('state-of-charge', 90, null, 31)] }),
      [],
      { 'bms-1': "permissive: the site's state of charge not known: its last reading is 31 s old, and may be 30 s" },
    ],
    [
      'attack: a reading from the future says no',
      at({ 'bms-1': staged() }, { ...spring(soc), readings: [reading('state-of-charge', 90, null, -60)] }),
      [],
      {
        'bms-1':
          "permissive: the site's state of charge not known: its reading is dated 1 min ahead of the gateway's clock",
      },
    ],
    [
      'a reading that cannot be says no',
      at({ 'bms-1': staged() }, { ...spring(soc), readings: [reading('state-of-charge', 140)] }),
      [],
      { 'bms-1': "permissive: the site's state of charge not known: its reading is one that cannot be" },
    ],
    [
      'true where a number belongs says no',
      at({ 'bms-1': staged() }, { ...spring(soc), readings: [reading('state-of-charge', true)] }),
      [],
      { 'bms-1': "permissive: the site's state of charge not known: its reading is one that cannot be" },
    ],
    [
      'a value of the controller: that of another one does not count',
      at(
        { 'bms-1': staged(), 'bms-2': staged() },
        {
          ...spring({
            permissives: [{ point: 'contactors-closed', is: false, maxAgeMillis: '10s', classes: ['bms'] }],
          }),
          readings: [reading('contactors-closed', true, 'bms-1'), reading('contactors-closed', false, 'bms-2')],
        },
      ),
      ['bms-2'],
      { 'bms-1': 'permissive: its contactors are closed, and must not be so; read 4 s ago' },
    ],
    [
      'a permissive for other classes does not concern it',
      at(
        { 'bms-1': staged() },
        spring({ permissives: [{ point: 'charging-session', is: false, maxAgeMillis: '10s', classes: ['charger'] }] }),
      ),
      ['bms-1'],
      {},
    ],
    [
      'a value of the feeder: of the one that its PCS is on; a board on none is not concerned',
      at(
        { 'bms-1': staged(), 'bms-3': staged(), 'ems-1': staged() },
        {
          ...spring({ permissives: [{ point: 'feeder-power', max: 100_000, maxAgeMillis: '10s' }] }),
          readings: [reading('feeder-power', 250_000, 'f1'), reading('feeder-power', 0, 'f2')],
        },
      ),
      ['ems-1', 'bms-3'],
      { 'bms-1': 'permissive: power on the feeder 250 kW, at most 100 kW needed; read 4 s ago' },
    ],
    [
      'the limits of the site hold beside the plan’s permissives',
      at(
        { 'bms-1': staged() },
        {
          site: yard({ limits: { permissives: [{ point: 'dispatch', is: false, maxAgeMillis: '10s' }] } }),
          ...spring(soc),
          readings: [reading('state-of-charge', 90), reading('dispatch', true)],
        },
      ),
      [],
      { 'bms-1': 'permissive: a dispatch commitment is in force, and must not be so; read 4 s ago' },
    ],

    // --- Order ---
    [
      'auxiliary boards first',
      at({ 'bms-1': staged('spring', 1), 'display-1': staged('spring', 2) }),
      ['display-1'],
      { 'bms-1': 'auxiliary: auxiliary boards go first, and display-1 is not through yet' },
    ],
    [
      'an auxiliary board that the plan puts behind others keeps them not back: nobody would ever go',
      at(
        { 'bms-1': staged(), 'display-1': staged() },
        {
          steps: [
            { campaign: 'spring', controller: 'bms-1', release: 'x', order: 0, confirmed: false },
            { campaign: 'spring', controller: 'display-1', release: 'x', order: 1, confirmed: false },
          ],
        },
      ),
      ['bms-1'],
      { 'display-1': 'order: bms-1 goes before it in campaign spring, and has not confirmed its step yet' },
    ],
    [
      'an auxiliary board of another campaign keeps nobody back',
      at(
        { 'bms-1': staged(), 'display-1': granted('autumn') },
        {
          terms: new Map([
            ['spring', terms()],
            ['autumn', terms()],
          ]),
        },
      ),
      ['bms-1'],
      {},
    ],
    [
      'a step of a lower order in its circle goes first; in another circle it does not matter',
      at(
        { 'bms-1': staged(), 'bms-3': staged() },
        {
          steps: [
            { campaign: 'spring', controller: 'pcs-1', release: 'x', order: 0, confirmed: false },
            { campaign: 'spring', controller: 'bms-1', release: 'x', order: 1, confirmed: false },
            { campaign: 'spring', controller: 'bms-3', release: 'x', order: 1, confirmed: false },
          ],
        },
      ),
      ['bms-3'],
      { 'bms-1': 'order: pcs-1 goes before it in campaign spring, and has not confirmed its step yet' },
    ],
    [
      'a controller without a circle talks to everybody',
      at(
        { 'bms-1': staged(), 'bms-3': staged() },
        {
          steps: [
            { campaign: 'spring', controller: 'ems-1', release: 'x', order: 0, confirmed: false },
            { campaign: 'spring', controller: 'bms-1', release: 'x', order: 1, confirmed: false },
            { campaign: 'spring', controller: 'bms-3', release: 'x', order: 0, confirmed: false },
          ],
        },
      ),
      ['bms-3'],
      { 'bms-1': 'order: ems-1 goes before it in campaign spring, and has not confirmed its step yet' },
    ],
    [
      'steps that are confirmed let the next go, its own among them',
      at(
        { 'bms-1': staged() },
        {
          steps: [
            { campaign: 'spring', controller: 'pcs-1', release: 'x', order: 0, confirmed: true },
            { campaign: 'spring', controller: 'bms-1', release: 'stone', order: 0, confirmed: true },
            { campaign: 'spring', controller: 'bms-1', release: 'x', order: 1, confirmed: false },
          ],
        },
      ),
      ['bms-1'],
      {},
    ],
    [
      'attack: a fleet server that skips the stepping stones',
      at(
        { 'bms-1': staged() },
        {
          steps: [
            { campaign: 'spring', controller: 'bms-1', release: 'stone', order: 0, confirmed: false },
            { campaign: 'spring', controller: 'bms-1', release: 'x', order: 1, confirmed: false },
          ],
        },
      ),
      [],
      { 'bms-1': 'order: campaign spring has an earlier step for it, and what it was ordered comes later' },
    ],
    [
      'the way back waits for no step that others have still to take: nobody goes on in a campaign that is rolled back',
      at(
        { 'bms-1': staged() },
        {
          steps: [
            { campaign: 'spring', controller: 'bms-1', release: 'stone', order: 0, confirmed: true },
            { campaign: 'spring', controller: 'pcs-1', release: 'y', order: 1, confirmed: false },
            { campaign: 'spring', controller: 'bms-1', release: 'last', order: 2, confirmed: false },
          ],
        },
      ),
      ['bms-1'],
      {},
    ],
    [
      'the higher priority goes first',
      at(
        { 'bms-1': staged('spring', 1), 'bms-3': staged('patch', 2) },
        {
          restarting: 1,
          terms: new Map([
            ['spring', terms()],
            ['patch', terms({}, { priority: 90 })],
          ]),
        },
      ),
      ['bms-3'],
      { 'bms-1': 'restarting: bms-3 is away already, at most 1 may restart at once (the gateway’s config)' },
    ],
    [
      'attack: no priority overrides a permissive',
      at(
        { 'bms-1': staged('patch') },
        { terms: new Map([['patch', terms(soc, { priority: 100 })]]), readings: [reading('state-of-charge', 1)] },
      ),
      [],
      { 'bms-1': "permissive: the site's state of charge 1 %, at least 30 % needed; read 4 s ago" },
    ],
    [
      'room is kept for a large one that waits longer: small ones do not pass it for ever',
      at(
        { 'bms-1': granted(), 'pcs-2': staged('patch', 1), 'bms-2': staged('spring', 2), 'ems-1': staged('spring', 3) },
        {
          ...limits({ budgets: [{ per: 'site', watts: '1MW' }] }),
          terms: new Map([
            ['spring', terms()],
            ['patch', terms({}, { priority: 60 })],
          ]),
        },
      ),
      ['ems-1'],
      {
        'pcs-2':
          'budget: 500 kW may be missing already and it would take 1 MW more, at most 1 MW may be of the site (limits of the site)',
        'bms-2': 'turn: pcs-2 goes first, and waits for room (budget 1 of the site (limits of the site) power)',
      },
    ],
  ]
  for (const [name, situation, go, wait] of ROWS) {
    test(name, () => assert.deepEqual(told(situation), { go, wait }))
  }

  test('a wait in one sentence, with value, threshold, age and when it may go', () => {
    const readings = [reading('rack-state-of-charge', 18, 'bms-3')]
    const permissives = [{ point: 'rack-state-of-charge', min: 30, maxAgeMillis: '30s' }]
    const [low] = coordinate(at({ 'bms-3': staged() }, { ...spring({ permissives }), readings })).waits
    assert.equal(low?.sentence, 'bms-3 (rack B1) waits: state of charge 18 %, at least 30 % needed; read 4 s ago.')
    assert.deepEqual(
      [low.rule, low.about, low.value, low.threshold, low.ageMillis, low.nextPossible],
      ['permissive', 'rack-state-of-charge of bms-3', '18 %', 'at least 30 %', 4000, null],
    )
    const windows = [{ days: ['thu'], from: '01:00', to: '05:00' }]
    const [shut] = coordinate(at({ 'bms-3': staged() }, spring({ windows }))).waits
    assert.equal(shut?.nextPossible, Date.UTC(2026, 10, 12, 1))
  })

  test('a turn ends with the window that it has to fit into, or after two minutes', () => {
    const until = (to: string) =>
      coordinate(at({ 'bms-1': staged() }, spring({ windows: [{ days: ['wed'], from: '11:00', to }] }))).grants[0]
        ?.latest
    assert.equal(until('18:00'), NOON + 120_000)
    assert.equal(until('12:11'), NOON + 60_000)
  })
})
