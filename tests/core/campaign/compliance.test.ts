import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { complianceOf } from '../../../src/core/campaign/compliance.ts'
import type { PlanHead } from '../../../src/core/campaign/plan.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import type { Attested } from '../../../src/core/fleet/inventory.ts'

const release = (version: string) => ({
  path: 'p',
  sha256: '',
  length: 1,
  class: 'pcs',
  version: version as Version,
  counter: 1,
})
const releases = [release('4.2.0'), release('4.3.0')]
const deadline = { at: instant(100), steps: [] }
const runs = (version: string, state: Attested['state'] = 'stable'): Attested => ({
  sequence: 1,
  at: instant(1),
  state,
  running: { version: version as Version, sequence: 1, digest: '' },
  counter: 1,
  anchors: [],
})

describe('compliance with a campaign', () => {
  const rows: [name: string, attested: Attested | null, steps: number[], now: number, due: boolean, is: string][] = [
    ['runs the release', runs('4.2.0'), [0], 500, true, 'done'],
    ['runs a newer one', runs('4.10.0'), [0], 500, true, 'done'],
    ['runs an older one, in time', runs('4.1.0'), [0], 99, true, 'left'],
    ['runs an older one, at the deadline', runs('4.1.0'), [0], 100, true, 'late'],
    ['runs an older one, without a deadline', runs('4.1.0'), [0], 500, false, 'left'],
    ['runs a pre-release of it', runs('4.2.0-rc.1'), [0], 500, true, 'late'],
    ['is on trial', runs('4.2.0', 'trial'), [0], 50, true, 'left'],
    ['runs golden', runs('4.2.0', 'golden'), [0], 500, true, 'late'],
    ['has made the first of two steps', runs('4.2.0'), [0, 1], 50, true, 'left'],
    ['has made both', runs('4.3.0'), [0, 1], 50, true, 'done'],
    ['was never heard', null, [0], 50, true, 'left'],
    ['was never heard, and it is too late', null, [0], 500, true, 'late'],
    ['is to get a release that the plan does not have', runs('9.0.0'), [7], 50, true, 'left'],
  ]
  for (const [name, attested, steps, now, due, is] of rows) {
    test(`who ${name} is ${is}`, () => {
      const head = { releases, ...(due ? { deadline } : {}) } as unknown as PlanHead
      const turn = { steps: steps.map(index => ({ release: index, order: 0 })) }
      assert.equal(complianceOf(head, turn, attested, instant(now)), is)
    })
  }
})
