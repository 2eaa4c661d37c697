import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readStandards, STANDARDS } from '../../src/apps/process/pack-parts.ts'
import { standingOf } from '../../src/core/ledger/pack/clauses.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'

const root = join(import.meta.dirname, '..', '..')
const standards = orThrow(readStandards(STANDARDS))

/** What the log is mapped to. */
const NAMED = [
  'EU CRA',
  'IEC 62443-3-3',
  'IEC 62443-4-1',
  'IEC 62443-4-2',
  'IEC TR 62443-2-3',
  'ISO 24089',
  'ISO/SAE 21434',
  'NERC CIP-007',
  'NERC CIP-010',
  'NERC CIP-013',
  'NIST SP 800-193',
  'OCPP 2.0.1',
  'UN R156',
]

/** The anchor of a heading, as it is made on the page. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

describe('compliance/*.yaml', () => {
  test('every file is a standard in its form, and the standards are those that are named', () => {
    assert.deepEqual(standards.map(({ standard }) => standard).toSorted(), NAMED)
    assert.equal(standards.length, readdirSync(STANDARDS).length)
  })

  for (const { standard, source, clauses } of standards) {
    test(`${standard}: each rule names a test or a page that is there`, () => {
      for (const { proof } of clauses.flatMap(({ enforced }) => enforced)) {
        const [path = '', anchor] = proof.split('#')
        assert.ok(existsSync(join(root, path)), `${path} is not there`)
        if (anchor === undefined) continue
        const headings = readFileSync(join(root, path), 'utf8').matchAll(/^#+ (.+)$/gm)
        assert.ok(
          [...headings].some(([, heading]) => anchorOf(heading as string) === anchor),
          proof,
        )
      }
    })

    test(`${standard}: what was checked says against what`, () => {
      if (clauses.some(({ checked }) => checked)) assert.match(source, /\S/)
    })

    test(`${standard}: without events nothing is shown, whatever is enforced`, () => {
      for (const clause of clauses) {
        const { standing } = standingOf(clause, new Map())
        assert.equal(standing, clause.recorded.length === 0 ? 'unrecorded' : 'missing', clause.clause)
      }
    })
  }
})
