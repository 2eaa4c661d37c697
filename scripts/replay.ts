import { BOARDS } from '../tests/faults/geometries.ts'
import { phasesOf } from '../tests/faults/phases.ts'
import { Stand } from '../tests/faults/run.ts'
import { parseSeed } from '../tests/faults/seed.ts'

/**
 * `npm run replay -- SEED`: runs one case of `npm run test:faults` again, bit by bit, and tells every operation, fault and
 * boot. Ends with 0 when no invariant is hurt, 1 when one is, 2 for a seed that is none.
 */
const seed = parseSeed(process.argv[2] ?? '')
const board = BOARDS.find(({ name }) => name === seed?.board)
if (seed === null || board === undefined || !phasesOf(board).some(({ name }) => name === seed.phase)) {
  process.stderr.write('npm run replay -- BOARD/PHASE/OPERATION.MODE.VARIANT[+...]/done|settled\n')
  process.stderr.write(`boards: ${BOARDS.map(({ name }) => name).join(', ')}\n`)
  process.exitCode = 2
} else {
  const stand = await Stand.of(board)
  stand.tell = line => process.stdout.write(`${line}\n`)
  const { violation, struck, steps, boots } = stand.run(seed.phase, seed.faults, { until: seed.until })
  for (const { mode, operation, variant } of struck) {
    process.stdout.write(
      `struck: ${mode.name}.${variant} at a ${operation.kind} of ${operation.area ?? 'the element'}\n`,
    )
  }
  process.stdout.write(`${steps} steps, ${boots} boots\n`)
  process.stdout.write(violation === null ? 'every invariant holds\n' : `VIOLATION ${violation.message}\n`)
  process.exitCode = violation === null ? 0 : 1
}
