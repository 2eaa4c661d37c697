import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import {
  MAX_SHEET_BYTES,
  openSheet,
  type ProvenSheet,
  parseSheetFile,
  proveSheets,
  type Sheet,
  type SheetTurn,
  sheetBytes,
  sheetFile,
} from '../../../src/core/campaign/sheet.ts'
import { withSheets } from '../../../src/core/campaign/turns.ts'
import { fromUtf8, utf8 } from '../../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { planOfSheets, sheetOf, turnOf } from './plans.ts'

const SITES = ['anchor', 'harbour', 'island', 'mountain', 'quay']
const SHEETS = SITES.map(site => sheetOf(site, [turnOf('bms-1'), turnOf('bms-2', 1)]))
const { plan: PLAN, proven: PROVEN } = planOfSheets(SHEETS)
const HARBOUR = PROVEN[1] as ProvenSheet

const codeOf = (answer: unknown): string => (isRefusal(answer) ? answer.code : 'taken')
const open = (file: Uint8Array, site = 'harbour', plan = PLAN): string => codeOf(openSheet(file, plan, site, crypto))

describe('a sheet', () => {
  test('opens under the head that names its root, at each site', () => {
    for (const [index, site] of SITES.entries()) {
      const opened = orThrow(openSheet(sheetFile(PROVEN[index] as ProvenSheet), PLAN, site, crypto))
      assert.deepEqual(opened.sheet, SHEETS[index])
    }
    assert.equal(PLAN.sheets.sites, 5)
    assert.equal(PLAN.sheets.controllers, 10)
  })

  test('a proof is a few hundred bytes long at 10,000 sites', () => {
    const sheets = Array.from({ length: 10_000 }, (_, n) => sheetOf(`s${String(n).padStart(5, '0')}`, [turnOf('c')]))
    const { proven, root } = proveSheets(crypto, sheets)
    assert.equal(root.controllers, 10_000)
    const last = proven[7777] as ProvenSheet
    assert(sheetFile(last).length - sheetBytes(last.sheet).length < 900)
  })

  test('attack: a sheet that was altered', () => {
    const turns = HARBOUR.sheet.turns.map(turn => ({ ...turn, wave: 0 }))
    assert.equal(open(sheetFile({ ...HARBOUR, sheet: { ...HARBOUR.sheet, turns } })), 'sheet-not-approved')
  })

  test('attack: a swapped sheet: that of another site', () => {
    const island = sheetFile(PROVEN[2] as ProvenSheet)
    assert.equal(open(island), 'sheet-foreign')
    const renamed = { ...(PROVEN[2] as ProvenSheet), sheet: { ...SHEETS[2], site: 'harbour' } as Sheet }
    assert.equal(open(sheetFile(renamed)), 'sheet-not-approved')
  })

  test('attack: a sheet of another campaign', () => {
    const others = planOfSheets(
      SITES.map(site => sheetOf(site, [turnOf('bms-1')], 'autumn')),
      { id: 'autumn' },
    )
    const foreign = sheetFile(others.proven[1] as ProvenSheet)
    assert.equal(open(foreign, 'harbour', others.plan), 'taken')
    assert.equal(open(foreign), 'sheet-foreign')
    const renamed = { ...(others.proven[1] as ProvenSheet).sheet, campaign: 'spring' }
    assert.equal(open(sheetFile({ ...(others.proven[1] as ProvenSheet), sheet: renamed })), 'sheet-not-approved')
  })

  test('attack: a proof for another leaf', () => {
    const { index, path } = PROVEN[2] as ProvenSheet
    assert.equal(open(sheetFile({ ...HARBOUR, index, path })), 'sheet-not-approved')
    assert.equal(open(sheetFile({ ...HARBOUR, index })), 'sheet-not-approved')
    assert.equal(open(sheetFile({ ...HARBOUR, index: 99 })), 'sheet-not-approved')
  })

  test('attack: a truncated proof, and a longer one', () => {
    const { path } = HARBOUR
    assert.equal(open(sheetFile({ ...HARBOUR, path: path.slice(0, -1) })), 'sheet-not-approved')
    assert.equal(open(sheetFile({ ...HARBOUR, path: [] })), 'sheet-not-approved')
    assert.equal(open(sheetFile({ ...HARBOUR, path: [...path, path[0] as Uint8Array] })), 'sheet-not-approved')
  })

  test('attack: a truncated sheet is refused at every length', () => {
    const file = sheetFile(HARBOUR)
    for (let length = 0; length < file.length; length += 1) {
      assert.equal(open(file.subarray(0, length)), 'sheet-malformed')
    }
  })

  test('attack: a sheet in another spelling, and an endless one', () => {
    const text = fromUtf8(sheetFile(HARBOUR)) as string
    assert.equal(open(utf8(` ${text}`)), 'sheet-malformed')
    assert.equal(open(utf8(text.replace('{', '{"a":1,'))), 'sheet-malformed')
    assert.equal(open(new Uint8Array(MAX_SHEET_BYTES + 1).fill(0x20)), 'sheet-malformed')
  })

  const step = { release: 0, order: 0 }
  const rows: [name: string, turns: readonly SheetTurn[], code: string, at: string][] = [
    ['a controller twice', [turnOf('c0'), turnOf('c0')], 'plan-controller-twice', 'turns[1]'],
    ['controllers out of order', [turnOf('c1'), turnOf('c0')], 'sheet-malformed', 'turns[1]'],
    ['a wave that is not there', [turnOf('c0', 2)], 'sheet-malformed', 'turns[0].wave'],
    ['a release that is not there', [turnOf('c0', 0, 1)], 'sheet-malformed', 'turns[0].steps[0].release'],
    [
      'steps of one order',
      [{ controller: 'c0', wave: 0, steps: [step, step] }],
      'sheet-malformed',
      'turns[0].steps[1].order',
    ],
    ['no step', [{ controller: 'c0', wave: 0, steps: [] }], 'sheet-malformed', 'turns[0].steps'],
  ]
  for (const [name, turns, code, at] of rows) {
    test(`${name} is refused, though it is what was approved`, () => {
      const sheet: Sheet = { kind: 'voltseal-sheet', v: 1, campaign: 'spring', site: 'harbour', turns }
      const { proven, root } = proveSheets(crypto, [sheet])
      const head = { ...PLAN, sheets: { ...PLAN.sheets, ...root } }
      const refused = openSheet(sheetFile(proven[0] as ProvenSheet), head, 'harbour', crypto)
      assert(isRefusal(refused))
      assert.equal(refused.code, code)
      assert(refused.actual.includes(at), refused.actual)
    })
  }
})

describe('all sheets of a plan', () => {
  const all = (sheets: readonly Sheet[], plan = PLAN): string => codeOf(withSheets(plan, sheets, crypto, 'spring'))

  test('are taken together or not at all', () => {
    assert.equal(all(SHEETS), 'taken')
    assert.equal(all(SHEETS.slice(1)), 'sheet-not-approved')
    assert.equal(all([]), 'sheet-not-approved')
    assert.equal(all(SHEETS.toReversed()), 'sheet-not-approved')
    assert.equal(all([...SHEETS, ...SHEETS.slice(-1)]), 'sheet-not-approved')
  })

  test('attack: a root over sheets that the waves do not count', () => {
    const more = SHEETS.map(sheet => ({ ...sheet, turns: sheet.turns.map(turn => ({ ...turn, wave: 0 })) }))
    const { root } = proveSheets(crypto, more)
    assert.equal(all(more, { ...PLAN, sheets: root }), 'plan-malformed')
  })

  test('attack: two sheets of one site, and one of another campaign, under a root that names them', () => {
    const twice = [...SHEETS, sheetOf('quay', [turnOf('c9')])]
    assert.equal(all(twice, { ...PLAN, sheets: proveSheets(crypto, twice).root }), 'sheet-malformed')
    const foreign = [sheetOf('anchor', [turnOf('bms-1')], 'autumn'), ...SHEETS.slice(1)]
    assert.equal(all(foreign, { ...PLAN, sheets: proveSheets(crypto, foreign).root }), 'sheet-foreign')
  })

  test('every sheet of any plan opens at its site and nowhere else, and any other byte is refused', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
        fc.nat(),
        fc.nat(),
        (sites, pick, at) => {
          const sheets = sites.map((waves, n) =>
            sheetOf(
              `s${String(n).padStart(2, '0')}`,
              waves.map((_, c) => turnOf(`c${c}`)),
            ),
          )
          const { plan, proven } = planOfSheets(sheets)
          for (const one of proven) {
            const file = sheetFile(one)
            assert.equal(open(file, one.sheet.site, plan), 'taken')
            assert.notEqual(open(file, 'elsewhere', plan), 'taken')
          }
          const one = proven[pick % proven.length] as ProvenSheet
          const file = sheetFile(one).slice()
          file[at % file.length] = (file[at % file.length] as number) ^ 1
          assert.notEqual(open(file, one.sheet.site, plan), 'taken')
          assert(!isRefusal(parseSheetFile(sheetFile(one), 'sheet')))
        },
      ),
      { numRuns: 60 },
    )
  })
})
