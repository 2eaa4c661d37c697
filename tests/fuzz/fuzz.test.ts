import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { inputOf } from './input.ts'
import { runMany, runOne } from './run.ts'
import { TARGETS, targetNamed } from './targets.ts'
import { toldFinding } from './told.ts'

/**
 * A part of `npm run fuzz` for each test run. That it reaches into the readers, and does not only knock at their doors, is
 * asked of it too: some inputs are taken, and the others are refused for many different reasons.
 */
const INPUTS = 800
const REASONS = 5
/** Readers of one small thing have few ways to refuse. */
const FEW = new Set(['der', 'time', 'bundle'])

describe('fuzzing, a part of it', () => {
  for (const target of TARGETS) {
    test(`${target.name}: nothing thrown, no law broken, within the bounds of work and memory`, () => {
      const { found, outcomes, inputs } = runMany(target, 1, INPUTS)
      assert.deepEqual(found.map(toldFinding), [])
      assert.equal(inputs, INPUTS)
      assert.ok((outcomes.get('taken') ?? 0) > 0, 'some are taken')
      assert.ok(outcomes.size >= (FEW.has(target.name) ? 2 : REASONS), `${outcomes.size} outcomes`)
    })
  }

  test('attack: a key reference of two million characters is not looked through for its name', () => {
    const { outcome, finding } = runOne(targetNamed('key-uri'), utf8(`pkcs11:${'a;'.repeat(1_000_000)}`))
    assert.deepEqual([outcome, finding], ['key-uri-malformed: at most # characters', null])
  })

  test('every document that changes begin from is taken', () => {
    for (const { name, seeds, read } of TARGETS) {
      const outcomes = seeds.map(read)
      const allowed = name === 'suit-process' ? /^(?:taken|ran: .*)$/ : /^taken$/
      for (const outcome of outcomes) assert.match(outcome, allowed, name)
    }
  })

  test('a seed draws the same input for ever, and another seed another', () => {
    for (const target of TARGETS) {
      const inputs = Array.from({ length: 50 }, (_, seed) => inputOf(target, seed).toHex())
      assert.deepEqual(Array.from({ length: 50 }, (_, seed) => inputOf(target, 49 - seed).toHex()).toReversed(), inputs)
      assert.ok(new Set(inputs).size > 40, target.name)
    }
  })
})
