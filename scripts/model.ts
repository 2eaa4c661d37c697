import { decideBoot } from '../src/core/slot/boot-machine.ts'
import { BIG, nameOf, SHIPPED, SMALL } from '../tests/model/configurations.ts'
import { explore, spell } from '../tests/model/explore.ts'
import { judge, LADDER } from '../tests/model/judge.ts'
import { BROKEN_FLOWS, BROKEN_RULES, swappedCells } from '../tests/model/wrong-tables.ts'

/**
 * `npm run test:model`: visits every state of the boot machine in each configuration, under an environment that cuts,
 * hangs, rots and replays, then breaks the machine on purpose and looks whether that is seen. With `--all` also the budgets
 * that devices ship with, with one harm: some minutes more. Ends with 0 when no law is broken and nothing wrong is missed.
 */

const started = process.hrtime.bigint()
const seconds = (): string => `${(Number(process.hrtime.bigint() - started) / 1e9).toFixed(0)} s`
const number = (value: number): string => value.toLocaleString('en').padStart(10)
/** One line that is written over, for who watches a terminal; a log gets the results alone. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
let broken = 0

const configurations = [...SMALL, ...BIG, ...(process.argv.includes('--all') ? [SHIPPED] : [])]
process.stdout.write(`${'configuration'.padEnd(52)}${'states'.padStart(10)} transitions  depth  rests within\n`)
for (const configuration of configurations) {
  const { states, transitions, depth, rest, violation } = explore({
    configuration,
    decide: decideBoot,
    progress: visited => progress(`${number(visited)} states, ${seconds()}`),
  })
  progress('')
  const rests = Object.entries(rest).map(([calm, steps]) => `${calm} ${steps}`)
  process.stdout.write(
    `${nameOf(configuration).padEnd(52)}${number(states)}  ${number(transitions)}  ${String(depth).padStart(5)}  ${rests.join(', ')}\n`,
  )
  if (violation === null) continue
  broken += 1
  process.stdout.write(`✖ ${spell(violation)}\n`)
}

const wrongs = [...BROKEN_RULES, ...BROKEN_FLOWS].map(wrong => ({ wrong, ladder: LADDER }))
const swaps = swappedCells().map(wrong => ({ wrong, ladder: LADDER.slice(0, 2) }))
for (const [what, all] of [
  ['rules and flows', wrongs],
  ['cells of another row', swaps],
] as const) {
  const verdicts = all.map(({ wrong, ladder }, index) => {
    progress(`${index} of ${all.length} ${what}, ${seconds()}`)
    return { name: wrong.name, verdict: judge(wrong, ladder) }
  })
  progress('')
  const count = (is: string): number => verdicts.filter(({ verdict }) => verdict.is === is).length
  process.stdout.write(
    `${all.length} wrong ${what}: ${count('caught')} caught, ${count('alike')} that no device can tell, ${count('missed')} missed\n`,
  )
  for (const { name, verdict } of verdicts) {
    if (verdict.is === 'missed') process.stdout.write(`✖ missed: ${name}\n`)
  }
  broken += count('missed')
}
process.stdout.write(`# ${broken === 0 ? 'no law is broken' : `${broken} broken or missed`}, ${seconds()}\n`)
process.exitCode = broken === 0 ? 0 : 1
