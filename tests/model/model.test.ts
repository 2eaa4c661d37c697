import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decideBoot } from '../../src/core/slot/boot-machine.ts'
import { nameOf, SMALL } from './configurations.ts'
import { explore, spell } from './explore.ts'
import { judge, LADDER } from './judge.ts'
import { BROKEN_FLOWS, BROKEN_RULES, swappedCells } from './wrong-tables.ts'

describe('every state that a device can come to', () => {
  for (const configuration of SMALL) {
    it(nameOf(configuration), t => {
      const { states, transitions, depth, rest, violation } = explore({ configuration, decide: decideBoot })
      assert.equal(violation === null ? null : spell(violation), null)
      assert.ok(states > 300 && transitions > 5 * states, `only ${states} states were found`)
      t.diagnostic(
        `${states} states, ${transitions} transitions, depth ${depth}; at rest after ${JSON.stringify(rest)}`,
      )
    })
  }
})

describe('the exploration finds', () => {
  for (const wrong of [...BROKEN_RULES, ...BROKEN_FLOWS]) {
    it(wrong.name, () => {
      const verdict = judge(wrong, LADDER)
      assert.equal(verdict.is, 'caught', 'no law was broken')
    })
  }

  it('a cell that does what another row does, unless nobody can tell', t => {
    const verdicts = swappedCells().map(wrong => ({ wrong, verdict: judge(wrong, LADDER.slice(0, 1)) }))
    const count = (is: string): number => verdicts.filter(({ verdict }) => verdict.is === is).length
    const missed = verdicts.filter(({ verdict }) => verdict.is === 'missed').map(({ wrong }) => wrong.name)
    assert.deepEqual(missed, [])
    assert.ok(count('caught') > 40, `only ${count('caught')} of ${verdicts.length} were caught`)
    t.diagnostic(`${verdicts.length} swapped cells: ${count('caught')} caught, ${count('alike')} alike`)
  })
})
