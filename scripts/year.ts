import { parseArgs } from 'node:util'
import { judgeYear, liveThrough } from '../sim/year/year.ts'
import { instant } from '../src/core/encoding/units.ts'

/**
 * `npm run test:year`: a fleet lives through a year, on simulated time: 200 sites in 12 zones, changes of the clocks, links that
 * are down for days, dispatch calls, meters out of order, five campaigns, one of them with a release that nobody stands. The
 * real rollout machine and the real coordinators decide; the plants judge. Exit code 0: no rule was broken at any instant,
 * nobody paid, and the bad release stopped at its canary.
 */
const number = { type: 'string' } as const
const { values } = parseArgs({ options: { sites: number, days: number, seed: number }, strict: true })
const [sites, days, seed] = [values.sites ?? 200, values.days ?? 365, values.seed ?? 1].map(Number) as [
  number,
  number,
  number,
]
const again = `npm run test:year -- --sites ${sites} --days ${days} --seed ${seed}`
process.stderr.write(`A year of ${sites} sites. To see it again: ${again}\n`)
const began = performance.now()
const year = liveThrough({
  sites,
  days,
  seed,
  from: instant(days < 60 ? Date.UTC(2026, 2, 26) : Date.UTC(2026, 0, 1)),
  step: 600_000,
  progress: line => process.stderr.write(`${line}, ${Math.round((performance.now() - began) / 1000)} s\n`),
})
const { campaigns, update, nature, waits, turns } = year
const wrong = judgeYear(year)
for (const one of campaigns) {
  const { id, state, why, confirmed, failed, touched, total } = one
  process.stdout.write(
    `${id.padEnd(12)} ${state.padEnd(8)} ${confirmed} confirmed, ${failed} failed, ${touched} of ${total} tried it${why === '' ? '' : ` (${why})`}\n`,
  )
}
process.stdout.write(`turns        ${turns}\n`)
process.stdout.write(`at once      ${year.most} controllers of one region in one campaign\n`)
process.stdout.write(
  `waits        ${Object.entries(waits)
    .map(([rule, count]) => `${rule} ${count}`)
    .join(', ')}\n`,
)
process.stdout.write(`updates cost ${JSON.stringify(update)}\n`)
process.stdout.write(`nature cost  ${JSON.stringify(nature)}\n`)
for (const fault of wrong.slice(0, 20)) process.stdout.write(`WRONG        ${fault}\n`)
process.stdout.write(
  wrong.length === 0 ? 'All is well.\n' : `${wrong.length} things are wrong. To see them again: ${again}\n`,
)
process.exitCode = wrong.length === 0 ? 0 : 1
