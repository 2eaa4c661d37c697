import { parseArgs } from 'node:util'
import { FIGURES, measure } from './measure.ts'
import { json, table } from './print.ts'

/**
 * `npm run bench`: what Voltseal costs, as ratios against named yardsticks, each measured in the same run as what it is
 * held against; medians of 5. The table goes to stdout, progress to stderr.
 *
 *     npm run bench -- [--only NAME ...] [--json] [--tiny] [--kernels FOLDER]
 *
 * `--kernels`: pairs of large images, NAME.old and NAME.new, for the figure `delta`. `--tiny` only shows that the bench runs: its figures are worth nothing. Ends with 0 when everything was measured,
 * whether the promises were kept or not: a loaded machine is no fault of the program. The table says which were missed.
 */
const names = FIGURES.map(figure => figure.name)
const USAGE = `npm run bench -- [--only ${names.join('|')} ...] [--json] [--tiny] [--kernels FOLDER]`

function options(): { only: string[]; json: boolean; tiny: boolean; kernels?: string } | string {
  try {
    const flag = { type: 'boolean', default: false } as const
    const only = { type: 'string', multiple: true, default: [] as string[] } as const
    const { values } = parseArgs({ options: { only, json: flag, tiny: flag, kernels: { type: 'string' } } })
    const stranger = values.only.find(name => !names.includes(name))
    return stranger === undefined ? values : `No figure is called ${stranger}.`
  } catch (error) {
    return (error as Error).message
  }
}

const asked = options()
if (typeof asked === 'string') {
  process.stderr.write(`${asked}\n${USAGE}\n`)
  process.exitCode = 2
} else {
  const chosen = FIGURES.filter(({ name }) => asked.only.length === 0 || asked.only.includes(name))
  const scale = asked.tiny ? 'tiny' : 'full'
  const measured = await measure(chosen, scale, text => process.stderr.write(`${text}\n`), asked.kernels)
  process.stdout.write(asked.json ? json(measured, scale) : table(measured, scale))
}
