import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Measured } from './fleet-million/measured.ts'

/**
 * `npm run bench:million`: a fleet of 10,000, of 100,000 and of a million controllers in the embedded store: loaded, and asked
 * everything; and how each figure grows (the slope of its logarithm over that of the number of controllers: 0 does not grow,
 * 1 grows as the fleet does). Each size is measured in a process of its own, so that its memory is its own.
 *
 *     npm run bench:million -- [--controllers N ...] [--asked N] [--folder DIR] [--json]
 *
 * Needs about 3 GiB of disk in the folder (the system's for temporary files, unless told), and leaves nothing there.
 */
const { values } = parseArgs({
  options: {
    controllers: { type: 'string', multiple: true, default: ['10000', '100000', '1000000'] },
    asked: { type: 'string', default: '300' },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
})
const folder = mkdtempSync(join(values.folder, 'voltseal-million-'))

type Row = { readonly what: string; readonly unit: string; readonly values: (number | null)[] }

/** Measures a size, line by line. False when its process did not come to its end: what it told until then stands. */
function measure(controllers: number, take: (line: Measured) => void): Promise<boolean> {
  const child = fork(
    join(import.meta.dirname, 'fleet-million', 'child.ts'),
    [String(controllers), folder, values.asked],
    {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  )
  child.on('message', line => take(line as Measured))
  return new Promise(resolve => child.once('exit', code => resolve(code === 0)))
}

/** Least squares through the points (log n, log value). */
function slope(sizes: readonly number[], row: Row): number | null {
  const points = row.values.flatMap((value, at) =>
    value === null ? [] : [[Math.log(sizes[at]!), Math.log(value)] as const],
  )
  if (points.length < 2) return null
  const mean = (at: 0 | 1): number => points.reduce((sum, point) => sum + point[at], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  const above = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0)
  return above / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
}

try {
  const sizes = values.controllers.map(Number)
  const rows = new Map<string, Row>()
  let question = ''
  for (const [at, size] of sizes.entries()) {
    const whole = await measure(size, ({ what, unit, value }) => {
      if (!what.startsWith(' ')) question = what
      const key = what.startsWith(' ') ? question + what : what
      const row = rows.get(key) ?? { what, unit, values: sizes.map(() => null) }
      row.values[at] = value
      rows.set(key, row)
    })
    if (whole) continue
    process.stderr.write(`${size}: the measurement did not come to its end\n`)
    process.exitCode = 1
  }
  const all = [...rows.values()].map(row => ({ ...row, slope: slope(sizes, row) }))
  if (values.json) process.stdout.write(`${JSON.stringify({ node: process.version, sizes, rows: all }, null, 2)}\n`)
  else {
    const figure = (value: number | null): string =>
      value === null ? '–' : value >= 100 ? value.toFixed(0) : value.toPrecision(3)
    const cells = all.map(({ what, unit, values, slope }) => [
      `${what}, ${unit}`,
      ...values.map(figure),
      slope === null ? '–' : slope.toFixed(2),
    ])
    const lines = [['', ...sizes.map(size => size.toLocaleString('en')), 'slope'], ...cells]
    const widths = lines[0]!.map((_, at) => Math.max(...lines.map(line => line[at]!.length)))
    for (const line of lines) {
      const placed = line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      process.stdout.write(`${placed.join('  ').trimEnd()}\n`)
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
