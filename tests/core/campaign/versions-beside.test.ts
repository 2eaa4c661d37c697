import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Needs, release, version } from '../../../sim/versions/site.ts'
import type { Running } from '../../../src/core/campaign/path-rules.ts'
import type { SiteWork } from '../../../src/core/campaign/site-work.ts'
import { at, granted, staged, told } from './situations.ts'

const runs = (name: string, number: number, ...needs: Needs[]): Running => {
  return { class: name, version: version(number), facts: release(name, number, { needs }).facts }
}
type Row = readonly [now: readonly Running[], becomes?: Running]

/** Who of the yard goes, and why the others wait: controllers with something to become have it staged. */
function yard(boards: Readonly<Record<string, Row>>, work: Readonly<Record<string, SiteWork>> = {}) {
  const entries = Object.entries(boards)
  const waiting = entries.filter(([, [, becomes]]) => becomes !== undefined).map(([id]) => [id, staged()] as const)
  const versions = {
    runs: new Map(entries.flatMap(([id, [now]]) => (now.length === 0 ? [] : [[id, now] as const]))),
    becomes: new Map(entries.flatMap(([id, [, becomes]]) => (becomes === undefined ? [] : [[id, becomes] as const]))),
  }
  return told(at({ ...Object.fromEntries(waiting), ...work }, { versions }))
}

const BMS = runs('bms', 2, ['pcs', 3])

const rows: [name: string, found: ReturnType<typeof told>, go: string[], wait: Record<string, string>][] = [
  [
    'a neighbour that is new enough',
    yard({ 'bms-1': [[runs('bms', 1)], BMS], 'pcs-1': [[runs('pcs', 3)]] }),
    ['bms-1'],
    {},
  ],
  [
    'attack: a neighbour was taken back by hand since the plan was made',
    yard({ 'bms-1': [[runs('bms', 1)], BMS], 'pcs-1': [[runs('pcs', 2)]] }),
    [],
    { 'bms-1': 'versions: bms 2.0.0 needs pcs 3.0.0 or newer, and pcs-1 runs pcs 2.0.0' },
  ],
  [
    'attack: a neighbour that keeps silent',
    yard({ 'bms-1': [[runs('bms', 1)], BMS], 'pcs-1': [[]] }),
    [],
    { 'bms-1': 'versions: bms 2.0.0 needs pcs 3.0.0 or newer, and what pcs-1 runs is not known' },
  ],
  [
    'a neighbour that does not accept what is to come',
    yard({ 'bms-1': [[runs('bms', 1)], runs('bms', 2)], 'pcs-1': [[runs('pcs', 1, ['bms', 1, 2])]] }),
    [],
    { 'bms-1': 'versions: pcs-1 runs pcs 1.0.0, which needs bms 1.0.0 or newer, below 2.0.0' },
  ],
  [
    'a neighbour on trial, which may fall back',
    yard({ 'bms-1': [[runs('bms', 1)], BMS], 'pcs-1': [[runs('pcs', 3), runs('pcs', 2)]] }, { 'pcs-1': granted() }),
    [],
    { 'bms-1': 'versions: bms 2.0.0 needs pcs 3.0.0 or newer, and pcs-1 runs pcs 2.0.0' },
  ],
  [
    'the PCS of another circle',
    yard({ 'bms-1': [[runs('bms', 1)], BMS], 'pcs-1': [[runs('pcs', 3)]], 'pcs-2': [[runs('pcs', 1)]] }),
    ['bms-1'],
    {},
  ],
  [
    'one without a circle talks to both',
    yard({
      'ems-1': [[runs('ems', 1)], runs('ems', 2, ['pcs', 3])],
      'pcs-1': [[runs('pcs', 3)]],
      'pcs-2': [[runs('pcs', 1)]],
    }),
    [],
    { 'ems-1': 'versions: ems 2.0.0 needs pcs 3.0.0 or newer, and pcs-2 runs pcs 1.0.0' },
  ],
  [
    'attack: two turns at once that do not go together',
    yard({
      'bms-1': [[runs('bms', 1)], runs('bms', 2, ['pcs', 1, 2])],
      'pcs-1': [[runs('pcs', 1)], runs('pcs', 2)],
    }),
    ['bms-1'],
    { 'pcs-1': 'versions: bms-1 runs bms 2.0.0, which needs pcs 1.0.0 or newer, below 2.0.0' },
  ],
  [
    'attack: an envelope that cannot be read says nothing',
    told(at({ 'bms-1': staged() }, { versions: { runs: new Map(), becomes: new Map() } })),
    [],
    { 'bms-1': 'versions: what its release needs of others is not known: its envelope cannot be read' },
  ],
]

describe('a turn beside the versions that run at a site', () => {
  for (const [name, found, go, wait] of rows) {
    it(`is ${go.length > 0 && Object.keys(wait).length === 0 ? 'given' : 'kept back'}: ${name}`, () =>
      assert.deepEqual(found, { go, wait }))
  }
})
