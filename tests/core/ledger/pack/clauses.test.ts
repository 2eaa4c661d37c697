import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Misfit } from '../../../../src/core/encoding/shape.ts'
import {
  type Clause,
  clausesJson,
  readClauses,
  standardShape,
  standingOf,
} from '../../../../src/core/ledger/pack/clauses.ts'
import { STANDARD } from '../../../worlds/evidence-log.ts'

const [approvals, keys, time] = STANDARD.clauses as [Clause, Clause, Clause]

describe('how events bear on a clause', () => {
  const rows: readonly (readonly [
    clause: Clause,
    counts: Record<string, number>,
    standing: string,
    events: number[],
  ])[] = [
    [approvals, { 'approval-signed': 2 }, 'shown', [2]],
    [approvals, { 'access-refused': 9 }, 'missing', [0]],
    [keys, { 'ceremony-closed': 1, 'access-refused': 3 }, 'shown', [1, 3]],
    [keys, { 'access-refused': 3 }, 'partly', [0, 3]],
    [keys, {}, 'missing', [0, 0]],
    [time, { 'link-restored': 1 }, 'missing', [0]],
    [{ ...time, recorded: [] }, { 'link-lost': 1 }, 'unrecorded', []],
  ]
  for (const [clause, counts, standing, events] of rows) {
    test(`${clause.clause} with ${JSON.stringify(counts)}: ${standing}`, () => {
      assert.deepEqual(standingOf(clause, new Map(Object.entries(counts))), { standing, events })
    })
  }

  test('attack: what is enforced makes no clause shown', () => {
    const enforced = [{ rule: 'It cannot happen.', proof: 'docs/trust.md' }]
    assert.equal(standingOf({ ...approvals, enforced }, new Map()).standing, 'missing')
  })

  test('what a pack says of clauses is read back as the standards that it was made of', () => {
    const json = clausesJson([STANDARD], new Map([['approval-signed', 1]]))
    const read = readClauses(json)
    assert.ok(!(read instanceof Misfit))
    assert.deepEqual(read.standards, [STANDARD])
  })
})

describe('a standard as data', () => {
  const bad: readonly (readonly [what: string, edit: object])[] = [
    ['a kind that no entry has', { clauses: [{ ...time, recorded: [{ what: 'x', kinds: ['no-such-kind'] }] }] }],
    ['a record without kinds', { clauses: [{ ...time, recorded: [{ what: 'x', kinds: [] }] }] }],
    [
      'a proof outside of tests and docs',
      { clauses: [{ ...time, enforced: [{ rule: 'x', proof: 'src/core/x.ts' }] }] },
    ],
    ['a word that nobody knows', { verdict: 'met' }],
    ['no edition', { edition: '' }],
    ['no word on what was checked', { clauses: [{ ...time, checked: undefined }] }],
    ['no clauses', { clauses: [] }],
  ]
  for (const [what, edit] of bad) {
    test(`${what} is refused`, () => assert.ok(standardShape({ ...STANDARD, ...edit }, '') instanceof Misfit))
  }
})
