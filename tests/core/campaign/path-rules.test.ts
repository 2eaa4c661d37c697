import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Needs, release, version } from '../../../sim/versions/site.ts'
import { obstacleTo, type Placed, type Running, refuseBeside } from '../../../src/core/campaign/path-rules.ts'

const runs = (name: string, number: number, ...needs: Needs[]): Running => {
  return { class: name, version: version(number), facts: release(name, number, { needs }).facts }
}
/** What runs and is not among the published releases. */
const foreign = (name: string, number: number | null): Running => {
  return { class: name, version: number === null ? null : version(number), facts: null }
}
const near = (id: string, circle: string | null, ...running: Running[]): Placed => ({ id, circle, runs: running })

const rows: [name: string, site: Placed[], becomes: Running, circle: string | null, told: string | null][] = [
  ['nobody is there', [], runs('bms', 2, ['pcs', 3]), null, null],
  ['the neighbour is new enough', [near('pcs-1', null, foreign('pcs', 3))], runs('bms', 2, ['pcs', 3]), null, null],
  [
    'the neighbour is too old',
    [near('pcs-1', null, foreign('pcs', 2))],
    runs('bms', 2, ['pcs', 3]),
    null,
    'release-dependency-unmet: harbour/bms-1, bms 2.0.0: pcs 3.0.0 or newer: pcs 2.0.0 at harbour/pcs-1',
  ],
  [
    'the neighbour is too new',
    [near('pcs-1', null, foreign('pcs', 4))],
    runs('bms', 2, ['pcs', 1, 4]),
    null,
    'release-dependency-unmet: harbour/bms-1, bms 2.0.0: pcs 1.0.0 or newer, below 4.0.0: pcs 4.0.0 at harbour/pcs-1',
  ],
  [
    'the neighbour does not accept the step',
    [near('pcs-1', null, runs('pcs', 1, ['bms', 1, 2]))],
    runs('bms', 2),
    null,
    'release-dependency-unmet: harbour/pcs-1, pcs 1.0.0: bms 1.0.0 or newer, below 2.0.0: bms 2.0.0 at harbour/bms-1',
  ],
  [
    'attack: a neighbour keeps silent about what it runs',
    [near('pcs-1', null, foreign('pcs', null))],
    runs('bms', 2, ['pcs', 3]),
    null,
    'release-dependency-unknown: harbour/bms-1, bms 2.0.0: pcs 3.0.0 or newer: nothing attested by harbour/pcs-1',
  ],
  [
    'a silent neighbour of whom nothing is needed',
    [near('pcs-1', null, foreign('pcs', null))],
    runs('bms', 2),
    null,
    null,
  ],
  [
    'the neighbour is on trial with a version that goes, and may fall back to one that does not',
    [near('pcs-1', null, runs('pcs', 3), runs('pcs', 2))],
    runs('bms', 2, ['pcs', 3]),
    null,
    'release-dependency-unmet: harbour/bms-1, bms 2.0.0: pcs 3.0.0 or newer: pcs 2.0.0 at harbour/pcs-1',
  ],
  ['another circle', [near('pcs-1', 'south', foreign('pcs', 1))], runs('bms', 2, ['pcs', 3]), 'north', null],
  [
    'one of the circle',
    [near('pcs-1', 'north', foreign('pcs', 1))],
    runs('bms', 2, ['pcs', 3]),
    'north',
    'release-dependency-unmet: harbour/bms-1, bms 2.0.0: pcs 3.0.0 or newer: pcs 1.0.0 at harbour/pcs-1',
  ],
  [
    'one that talks to all of the site',
    [near('pcs-1', null, foreign('pcs', 1))],
    runs('bms', 2, ['pcs', 3]),
    'north',
    'release-dependency-unmet: harbour/bms-1, bms 2.0.0: pcs 3.0.0 or newer: pcs 1.0.0 at harbour/pcs-1',
  ],
  [
    'one that talks to all of the site takes the step itself',
    [near('pcs-1', 'south', foreign('pcs', 1))],
    runs('bms', 2, ['pcs', 3]),
    null,
    'release-dependency-unmet: harbour/bms-1, bms 2.0.0: pcs 3.0.0 or newer: pcs 1.0.0 at harbour/pcs-1',
  ],
  [
    'the controller itself is no neighbour',
    [near('bms-1', null, foreign('bms', 1))],
    runs('bms', 2, ['bms', 2]),
    null,
    null,
  ],
  [
    'two neighbours that do not go together are none of its business',
    [near('pcs-1', null, runs('pcs', 1, ['ems', 9])), near('ems-1', null, foreign('ems', 1))],
    runs('bms', 2),
    null,
    null,
  ],
]

describe('a step beside the versions that run', () => {
  for (const [name, site, becomes, circle, told] of rows) {
    it(`is ${told === null ? 'allowed' : 'refused'}: ${name}`, () => {
      const found = obstacleTo({ controller: 'bms-1', circle, becomes }, site)
      const refusal = found && refuseBeside('harbour/bms-1', becomes, `harbour/${found.near}`, found.runs)
      const said = refusal && `${refusal.code}: ${refusal.subject}: ${refusal.expected}: ${refusal.actual}`
      assert.equal(said, told)
    })
  }
})
