import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Situation } from '../../../src/core/campaign/coordinator.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { at, granted, reading, staged, terms, told, yard } from './situations.ts'

type Row = [name: string, situation: Situation, go: string[], wait: Record<string, string>]

const spring = (written: object) => ({ terms: new Map([['spring', terms(written)]]) })
type Written = { readonly id: string; readonly behind?: string; readonly power?: unknown }

/** The yard with PCS that say nothing of their power. */
const silent = (written: object, change = (one: Written): Written => one) =>
  yard({
    limits: written,
    controllers: (yard().controllers as readonly Written[]).map(one => {
      const { power: _, ...rest } = one
      return change(one.id.startsWith('pcs') ? rest : one)
    }),
  })
const limits = (written: object) => ({ site: yard({ limits: written }) })

describe('what may be away at once', () => {
  const ROWS: Row[] = [
    // --- Budgets ---
    [
      'restarting at once, by the gateway’s own config',
      at({ 'bms-1': granted(), 'bms-3': staged() }, { restarting: 1 }),
      [],
      { 'bms-3': 'restarting: bms-1 is away already, at most 1 may restart at once (the gateway’s config)' },
    ],
    [
      'one whose order was taken back counts until it shows itself',
      at(
        { 'bms-1': { at: 'leaving', left: 'spring/x/0', since: instant(0), next: null }, 'bms-3': staged() },
        limits({ restarting: 1 }),
      ),
      [],
      { 'bms-3': 'restarting: bms-1 is away already, at most 1 may restart at once (limits of the site)' },
    ],
    [
      'the budget of the site in watts, the longest waiting first',
      at(
        { 'bms-1': staged('spring', 3), 'bms-2': staged('spring', 1), 'bms-3': staged('spring', 2) },
        spring({ budgets: [{ per: 'site', watts: '1MW' }] }),
      ),
      ['bms-2', 'bms-3'],
      {
        'bms-1':
          'budget: 1 MW may be missing already and it would take 500 kW more, at most 1 MW may be of the site (campaign spring)',
      },
    ],
    [
      'the budget of each feeder in watt-hours',
      at(
        { 'bms-1': staged(), 'bms-2': staged(), 'bms-3': staged() },
        limits({ budgets: [{ per: 'feeder', wattHours: '1MWh' }] }),
      ),
      ['bms-1', 'bms-3'],
      {
        'bms-2':
          'budget: 1 MWh may be missing already and it would take 1 MWh more, at most 1 MWh may be on feeder f1 (limits of the site)',
      },
    ],
    [
      'the budget in controllers',
      at({ 'bms-1': granted(), 'bms-2': staged() }, limits({ budgets: [{ per: 'feeder', controllers: 1 }] })),
      [],
      { 'bms-2': 'budget: bms-1 is away already, at most 1 may be away at once on feeder f1 (limits of the site)' },
    ],
    [
      'behind a PCS that is away a rack costs nothing more',
      at(
        { 'pcs-1': granted(), 'bms-1': staged(), 'bms-2': staged() },
        limits({ budgets: [{ per: 'site', watts: '1MW' }] }),
      ),
      ['bms-1', 'bms-2'],
      {},
    ],
    [
      'racks that cost more together than their PCS: it may come back first',
      at(
        { 'pcs-1': granted(), 'bms-1': staged('spring', 1), 'bms-2': staged('spring', 2) },
        {
          site: yard({
            limits: { budgets: [{ per: 'site', watts: '1MW' }] },
            controllers: yard().controllers.map(one => (one.id === 'bms-2' ? { ...one, power: '600kW' } : one)),
          }),
        },
      ),
      ['bms-1'],
      {
        'bms-2':
          'budget: 1 MW may be missing already and it would take 100 kW more, at most 1 MW may be of the site (limits of the site)',
      },
    ],
    [
      'attack: a PCS without a power of its own, gone alone, passes the budget of what is behind it',
      at({ 'pcs-1': staged() }, { site: silent({ budgets: [{ per: 'site', watts: '999kW' }] }) }),
      [],
      {
        'pcs-1':
          'budget: it takes 1 MW away, and at most 999 kW may be missing of the site (limits of the site): it never goes under these rules',
      },
    ],
    [
      'attack: the same for the energy behind it, on the feeder that the racks alone are on',
      at(
        { 'bms-1': granted(), 'pcs-1': staged() },
        {
          site: silent({ budgets: [{ per: 'feeder', wattHours: '1.5MWh' }] }, one =>
            one.behind === 'pcs-1' ? { ...one, feeder: 'racks' } : one,
          ),
        },
      ),
      [],
      {
        'pcs-1':
          'budget: it takes 2 MWh away, and at most 1.5 MWh may be missing on feeder racks (limits of the site): it never goes under these rules',
      },
    ],
    [
      'what is behind a PCS without a power of its own is not lost a second time',
      at(
        { 'bms-1': granted(), 'bms-2': granted(), 'pcs-1': staged() },
        { site: silent({ budgets: [{ per: 'site', watts: '1MW' }] }) },
      ),
      ['pcs-1'],
      {},
    ],
    [
      'one that never fits says so, and keeps nothing from the others',
      at(
        { 'pcs-1': staged('spring', 1), 'bms-3': staged('spring', 2) },
        limits({ budgets: [{ per: 'site', watts: '500kW' }] }),
      ),
      ['bms-3'],
      {
        'pcs-1':
          'budget: it takes 1 MW away, and at most 500 kW may be missing of the site (limits of the site): it never goes under these rules',
      },
    ],
    [
      'attack: the budget of a campaign that has somebody away holds for another campaign too',
      at(
        { 'bms-1': granted('spring'), 'bms-3': staged('autumn') },
        {
          terms: new Map([
            ['spring', terms({ budgets: [{ per: 'site', watts: '500kW' }] })],
            ['autumn', terms()],
          ]),
        },
      ),
      [],
      {
        'bms-3':
          'budget: 500 kW may be missing already and it would take 500 kW more, at most 500 kW may be of the site (campaign spring)',
      },
    ],
    [
      'a board that carries no power passes a budget that is used up',
      at({ 'bms-1': granted(), 'ems-1': staged() }, limits({ budgets: [{ per: 'site', watts: '500kW' }] })),
      ['ems-1'],
      {},
    ],
    [
      'budgets of region and fleet are not the site’s to keep',
      at(
        { 'pcs-1': staged() },
        spring({
          budgets: [
            { per: 'region', watts: 1 },
            { per: 'fleet', controllers: 1 },
          ],
        }),
      ),
      ['pcs-1'],
      {},
    ],

    // --- Redundancy ---
    [
      'N-1: one of two',
      at(
        { 'bms-1': granted(), 'bms-3': staged() },
        { site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1, metered: false }] }) },
      ),
      [],
      {
        'bms-3':
          'redundancy: group racks needs 1 of 2 in service: bms-1 (away) is missing from it, and with it 0 would be left',
      },
    ],
    [
      'a PCS takes the racks behind it out of their group',
      at(
        { 'pcs-1': staged() },
        { site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-2', 'bms-3'], needed: 2, metered: false }] }) },
      ),
      [],
      { 'pcs-1': 'redundancy: group racks needs 2 of 3 in service: with it 1 would be left' },
    ],
    [
      'one that the plant shows out of service is missing already',
      at(
        { 'bms-1': staged() },
        {
          site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1, metered: false }] }),
          readings: [reading('in-service', false, 'bms-3', 86_400)],
        },
      ),
      [],
      {
        'bms-1':
          'redundancy: group racks needs 1 of 2 in service: bms-3 (out of service) is missing from it, and with it 0 would be left',
      },
    ],
    [
      'attack: one that is shown out of service by a clock that is ahead is missing too',
      at(
        { 'bms-1': staged() },
        {
          site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1, metered: false }] }),
          readings: [reading('in-service', false, 'bms-3', -3600)],
        },
      ),
      [],
      {
        'bms-1':
          'redundancy: group racks needs 1 of 2 in service: bms-3 (out of service) is missing from it, and with it 0 would be left',
      },
    ],
    [
      'one that has gone out of service already may restart',
      at(
        { 'bms-3': staged() },
        {
          site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1, metered: false }] }),
          readings: [reading('in-service', false, 'bms-3')],
        },
      ),
      ['bms-3'],
      {},
    ],
    [
      'a group that asks the plant believes no silence',
      at(
        { 'bms-1': staged() },
        {
          site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1, maxAgeMillis: '10s' }] }),
          readings: [reading('in-service', true, 'bms-1')],
        },
      ),
      [],
      {
        'bms-1':
          'redundancy: group racks needs 1 of 2 in service: bms-3 (not known to be in service) is missing from it, and with it 0 would be left',
      },
    ],
    [
      'attack: the plant is not heard, and nobody is known to be in service',
      at({ 'bms-1': staged() }, { site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1 }] }) }),
      [],
      {
        'bms-1':
          'redundancy: group racks needs 1 of 2 in service: bms-1 (not known to be in service), bms-3 (not known to be in service) are missing from it, and with it 0 would be left',
      },
    ],
    [
      'attack: one that was out of service a day ago may be back, and is not free to go for that',
      at(
        { 'bms-3': staged() },
        {
          site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1 }] }),
          readings: [reading('in-service', false, 'bms-1'), reading('in-service', false, 'bms-3', 86_400)],
        },
      ),
      [],
      {
        'bms-3':
          'redundancy: group racks needs 1 of 2 in service: bms-1 (out of service), bms-3 (out of service) are missing from it, and with it 0 would be left',
      },
    ],
    [
      'attack: in service and out of service at the same time is out of service',
      at(
        { 'bms-1': staged() },
        {
          site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1 }] }),
          readings: [
            reading('in-service', true, 'bms-1'),
            reading('in-service', false, 'bms-3'),
            reading('in-service', true, 'bms-3'),
          ],
        },
      ),
      [],
      {
        'bms-1':
          'redundancy: group racks needs 1 of 2 in service: bms-3 (out of service) is missing from it, and with it 0 would be left',
      },
    ],
    [
      'attack: a member without a meter that has never reported is none to count on',
      at(
        { 'bms-1': staged() },
        {
          site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1, metered: false }] }),
          standings: new Map([['bms-1', 'stable']]),
        },
      ),
      [],
      {
        'bms-1':
          'redundancy: group racks needs 1 of 2 in service: bms-3 (has never reported) is missing from it, and with it 0 would be left',
      },
    ],
    [
      'attack: a member in its rescue image moves no power, whatever its meter says',
      at(
        { 'bms-1': staged() },
        {
          site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1 }] }),
          standings: new Map([
            ['bms-1', 'stable'],
            ['bms-3', 'golden'],
          ]),
          readings: [reading('in-service', true, 'bms-1'), reading('in-service', true, 'bms-3')],
        },
      ),
      [],
      {
        'bms-1':
          'redundancy: group racks needs 1 of 2 in service: bms-3 (in its rescue image) is missing from it, and with it 0 would be left',
      },
    ],

    // --- Away or missing for another reason than a turn ---
    [
      'attack: somebody at the site has begun an update by hand: that one is away',
      at(
        { 'bms-1': staged(), 'bms-3': { at: 'idle' } },
        {
          site: yard({ groups: [{ id: 'racks', members: ['bms-1', 'bms-3'], needed: 1, metered: false }] }),
          standings: new Map([
            ['bms-1', 'stable'],
            ['bms-3', 'busy'],
          ]),
        },
      ),
      [],
      {
        'bms-1':
          'redundancy: group racks needs 1 of 2 in service: bms-3 (away) is missing from it, and with it 0 would be left',
      },
    ],
    [
      'attack: one on trial by hand counts in every budget',
      at({ 'bms-1': staged() }, { restarting: 1, standings: new Map([['bms-3', 'busy']]) }),
      [],
      { 'bms-1': 'restarting: bms-3 is away already, at most 1 may restart at once (the gateway’s config)' },
    ],
    [
      'attack: what the plant itself lacks counts in what may be missing',
      at(
        { 'bms-1': staged() },
        { ...limits({ budgets: [{ per: 'site', watts: '1MW' }] }), readings: [reading('in-service', false, 'pcs-2')] },
      ),
      [],
      {
        'bms-1':
          'budget: 1 MW may be missing already and it would take 500 kW more, at most 1 MW may be of the site (limits of the site)',
      },
    ],
    [
      'what stands behind a PCS that is out of service is missing with it, and once',
      at(
        { 'bms-1': staged(), 'bms-2': staged('spring', 1) },
        {
          ...limits({ budgets: [{ per: 'site', controllers: 2 }], restarting: 1 }),
          readings: ['pcs-2', 'bms-3', 'bms-4'].map(id => reading('in-service', false, id)),
        },
      ),
      ['bms-1'],
      { 'bms-2': 'restarting: bms-1 is away already, at most 1 may restart at once (limits of the site)' },
    ],
    [
      'one that is out of service by itself, and a board without power, make nothing worse: they may go',
      at(
        { 'pcs-2': staged(), 'ems-1': staged(), 'bms-1': staged() },
        {
          ...limits({ budgets: [{ per: 'site', watts: '500kW' }] }),
          readings: [reading('in-service', false, 'pcs-2')],
        },
      ),
      ['ems-1', 'pcs-2'],
      {
        'bms-1':
          'budget: 1 MW may be missing already and it would take 500 kW more, at most 500 kW may be of the site (limits of the site)',
      },
    ],
    [
      'attack: a campaign has somebody away, and its rules are lost: nobody can keep them, so nobody goes',
      at({ 'bms-1': granted('autumn'), 'bms-3': staged() }),
      [],
      { 'bms-3': 'expired: campaign autumn has somebody away here, and its rules are not held: they cannot be kept' },
    ],
  ]
  for (const [name, situation, go, wait] of ROWS) {
    test(name, () => assert.deepEqual(told(situation), { go, wait }))
  }
})
