import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AgentStatus, statusLines } from '../../../src/apps/cli/agent-text.ts'
import { Output } from '../../../src/apps/cli/output.ts'
import { listing } from '../../../src/apps/cli/table.ts'
import { instant } from '../../../src/core/encoding/units.ts'

const version = (number: string) => ({ version: number, sequence: 1, digest: 'aa' })
const calm: AgentStatus = {
  controller: 'ems-1',
  state: 'stable',
  running: { ...version('1.0.0'), slot: 'a' },
  golden: version('0.1.0'),
  armed: false,
  counter: 3,
  anchors: ['k1', 'k2'],
  attempts: [],
  class: 'ems',
  hardware: 'r2',
  application: 4711,
  stage: 'installed',
}
const sink = { write: () => true }
const text = (status: AgentStatus): string => listing(new Output(sink, sink, {}), statusLines(status))

describe('the status of an agent, for a person', () => {
  it('is one fact to a line', () => {
    assert.equal(
      text(calm),
      [
        'controller           ems-1',
        'class                ems, hardware r2',
        'state                stable',
        'running              1.0.0 in slot a',
        'golden               0.1.0',
        'security counter     3',
        'accepts releases by  k1',
        'accepts releases by  k2',
        'application          process 4711',
        'second stage         of the package',
      ].join('\n'),
    )
  })

  const rows: readonly (readonly [string, Partial<AgentStatus>, RegExp])[] = [
    ['what waits', { staged: version('1.1.0') }, /^staged +1\.1\.0, waits for: voltseal agent arm$/m],
    [
      'what is armed',
      { staged: version('1.1.0'), armed: true },
      /^staged +1\.1\.0, armed: the next restart tries it$/m,
    ],
    ['the way back', { previous: version('0.9.0') }, /^other slot +0\.9\.0, confirmed$/m],
    [
      'what failed, when and why',
      { attempts: [{ ...version('1.1.0'), at: instant(0), phase: 'health', cause: 'probe-failed alive' }] },
      /^did not hold +1\.1\.0, 1970-01-01T00:00:00\.000Z, health: probe-failed alive$/m,
    ],
    ['an application that is down', { application: null }, /^application +does not run$/m],
    [
      'golden at work',
      { state: 'golden', running: { ...version('0.1.0'), slot: 'golden' }, application: null },
      /^state +golden: neither slot verifies[\s\S]*^application +none: with golden none is started$/m,
    ],
  ]
  for (const [name, change, line] of rows) it(`tells ${name}`, () => assert.match(text({ ...calm, ...change }), line))

  it('tells that golden is gone', () => {
    const { golden, ...rest } = calm
    assert.ok(golden)
    assert.match(text(rest), /^golden +does not verify/m)
  })
})
