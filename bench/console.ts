import { parseArgs } from 'node:util'
import { chromiumPath } from '../tests/walk/chromium.ts'
import { fleetScreen, liveFrames } from './console/figures.ts'
import { json, type Measured, table } from './print.ts'

/**
 * `npm run bench:console`: what the console costs in a real browser, with 10,000 drawn sites behind a fleet server of its own process.
 * It needs Chromium, as `npm run test:console` does. The table goes to stdout, progress to stderr.
 *
 *     npm run bench:console -- [--only fleet-screen|live-frames] [--json] [--tiny]
 */
const FIGURES = [fleetScreen, liveFrames]
const flag = { type: 'boolean', default: false } as const
const { values } = parseArgs({ options: { only: { type: 'string' }, json: flag, tiny: flag } })
const scale = values.tiny ? 'tiny' : 'full'
if (chromiumPath() === null) {
  process.stderr.write('Chromium is not installed: npm run test:console installs it.\n')
  process.exitCode = 69
} else {
  const measured: Measured[] = []
  for (const figure of FIGURES.filter(({ name }) => values.only === undefined || values.only === name)) {
    const say = (text: string): void => void process.stderr.write(`${figure.name}: ${text}\n`)
    measured.push({ figure, result: await figure.run({ scale, say }) })
  }
  process.stdout.write(values.json ? json(measured, scale) : table(measured, scale))
}
