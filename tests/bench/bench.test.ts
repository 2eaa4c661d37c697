import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isMet, type Line, median, ratioLine } from '../../bench/figure.ts'
import { FIGURES, measure } from '../../bench/measure.ts'
import { json, table } from '../../bench/print.ts'

/** That the bench runs and says what it should; never how long anything takes. */
describe('the bench', () => {
  test('measures every figure, and prints a table and JSON', { timeout: 120_000 }, async () => {
    const said: string[] = []
    const measured = await measure(FIGURES, 'tiny', text => said.push(text))
    assert.deepEqual(
      measured.map(({ figure }) => figure.name),
      [
        'boot-verification',
        'update-wear',
        'decryption',
        'fetched-bytes',
        'site-update',
        'check-in',
        'site-bundle',
        'director-bundles',
        'image-targets',
        'fleet-queries',
        'log-append',
        'log-verification',
        'evidence-pack',
        'siem-throughput',
        'compatibility-path',
        'rollout-tick',
        'verify-memory',
        'delta',
      ],
    )
    for (const { figure, result } of measured) {
      assert.ok(result.lines.length > 0 && result.bounds.length > 0, figure.name)
      for (const { what, measured: value, ratio, runs } of result.lines) {
        assert.ok(Number.isFinite(value) && value > 0, `${figure.name}, ${what}: ${value}`)
        assert.ok(ratio === null || (Number.isFinite(ratio) && ratio > 0), `${figure.name}, ${what}: ${ratio}`)
        assert.equal(runs.length, 1)
      }
      assert.ok(said.some(text => text.startsWith(`${figure.name}: `)) || figure.name === 'site-update', figure.name)
    }
    const fetched = measured.find(({ figure }) => figure.name === 'fetched-bytes')!.result.lines[0]!
    // Two controllers, one payload: what is more is a line in the plan. Twice the payload would be near 2.
    assert.ok(fetched.ratio! >= 1 && fetched.ratio! < 1.2, `${fetched.ratio}`)
    const printed = table(measured, 'tiny')
    for (const { figure } of measured) assert.ok(printed.includes(figure.title), printed)
    const { figures } = JSON.parse(json(measured, 'tiny')) as { figures: { name: string }[] }
    assert.equal(figures.length, FIGURES.length)
  })

  test('takes medians of ratios, each against the yardstick of its own run', () => {
    assert.equal(median([3, 1, 2]), 2)
    assert.equal(median([4, 1, 2, 3]), 2.5)
    const runs = [
      { measured: 2, yardstick: 1 },
      { measured: 30, yardstick: 10 },
      { measured: 4, yardstick: 4 },
    ]
    const line = ratioLine('a', 'ms', runs, { bound: 'at most', ratio: 1.5 })
    assert.deepEqual([line.measured, line.yardstick, line.ratio], [4, 4, 2])
  })

  const rows: [ratio: number | null, bound: 'at most' | 'at least', met: boolean | null][] = [
    [1, 'at most', true],
    [1.01, 'at most', false],
    [1, 'at least', true],
    [0.99, 'at least', false],
    [null, 'at most', null],
  ]
  for (const [ratio, bound, met] of rows) {
    test(`a ratio of ${ratio} for ${bound} 1 is ${met === null ? 'not judged' : met ? 'kept' : 'missed'}`, () => {
      const line: Line = {
        what: 'a',
        unit: 's',
        measured: 1,
        yardstick: 1,
        ratio,
        target: { bound, ratio: 1 },
        runs: [1],
      }
      assert.equal(isMet(line), met)
    })
  }
})
