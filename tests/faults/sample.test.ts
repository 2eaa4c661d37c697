import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawn, operationsOf, pairs, singles } from './enumerate.ts'
import { BOARDS } from './geometries.ts'
import { standOf } from './jobs.ts'
import { MODES } from './modes.ts'
import { phasesOf } from './phases.ts'
import { PHASES_OF_HARM } from './phases-of-harm.ts'
import { count, emptyTally, type Tally } from './tally.ts'

/**
 * The part of `npm run test:faults` that every `npm test` runs: the single faults of every phase on one small board, the
 * pairs behind one operation of each phase, and some cases of three on every other board.
 */

/** A violation says how to repeat it. */
function clean(tally: Tally): void {
  const [first] = tally.hurt
  assert.equal(first, undefined, `npm run replay -- '${first?.seed}'   ${first?.message}`)
  assert.equal(tally.missed, 0, 'every planned fault struck')
}

const whole = BOARDS.find(({ name }) => name === 'small')
const struck = new Set<string>()

describe('a fault in an update', () => {
  for (const { name: phase, says } of whole === undefined ? [] : phasesOf(whole)) {
    // A phase that begins with harm done is a whole update: every third operation of it.
    const every = PHASES_OF_HARM.some(({ name }) => name === phase) ? 3 : 1
    it(`every single one${every === 1 ? '' : ', at every third operation'} in: ${phase} (${says})`, async t => {
      const stand = await standOf('small')
      const tally = emptyTally()
      singles(stand, phase, done => count(tally, done), every)
      t.diagnostic(`${tally.runs} runs`)
      clean(tally)
      for (const [mode, { effect }] of Object.entries(tally.cells[phase] ?? {})) if (effect > 0) struck.add(mode)
      assert.ok(tally.runs >= 100)
    })
  }

  it('every mode has struck, and done something', () => {
    assert.deepEqual([...struck].sort(), MODES.map(({ name }) => name).sort())
  })
})

describe('a fault in the recovery from a fault', () => {
  for (const { name, pairs: isPaired } of BOARDS) {
    if (isPaired === 'none') continue
    it(`every second one behind one operation of three phases, on the board ${name}`, async t => {
      const stand = await standOf(name)
      const tally = emptyTally()
      for (const phase of ['confirm', 'key-retired-later', 'revert']) {
        const operations = operationsOf(stand, phase)
        const writes = operations.flatMap(({ kind }, at) => (kind === 'program' ? [at] : []))
        pairs(stand, phase, writes[0] ?? 0, done => count(tally, done))
      }
      t.diagnostic(`${tally.runs} runs`)
      clean(tally)
      assert.ok(tally.runs >= 300)
    })
  }
})

describe('three faults', () => {
  for (const board of BOARDS) {
    it(`drawn, in every phase, on the board ${board.name}: ${board.says}`, async () => {
      const stand = await standOf(board.name)
      const tally = emptyTally()
      for (const { name } of phasesOf(board)) drawn(stand, name, 0, 12, done => count(tally, done))
      clean(tally)
      assert.equal(tally.runs + tally.idle, 12 * phasesOf(board).length)
    })
  }
})
