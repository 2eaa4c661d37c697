import { parseArgs } from 'node:util'
import { seeded } from '../sim/clock/random.ts'
import { CONFIRM } from '../src/core/ledger/siem-standing.ts'
import { SiemDrill } from '../tests/worlds/siem-drill.ts'
import { installNeeds } from './needs.ts'

/**
 * `npm run test:siem`: the log goes to Debian's rsyslog, set up as docs/siem.md says, while a seed decides what goes wrong: the line
 * is cut in the middle of a message, rsyslog is killed, ended in order, stopped in its tracks until its buffers are full,
 * started with another permitted peer; our own process begins anew. Exit code 0: every entry was written, byte for byte, and came
 * twice only where a break explains it.
 */
const number = { type: 'string' } as const
const { values } = parseArgs({ options: { rounds: number, seed: number }, strict: true })
const [rounds, seed] = [values.rounds ?? 100, values.seed ?? 1].map(Number) as [number, number]
process.stderr.write(`${rounds} rounds. To see them again: npm run test:siem -- --rounds ${rounds} --seed ${seed}\n`)
for (const missing of installNeeds(said => process.stderr.write(`${said}\n`))) process.stderr.write(`${missing}\n`)

const random = seeded(seed)
const upTo = (most: number): number => 1 + Math.floor(random() * most)

const harms: Readonly<Record<string, (drill: SiemDrill) => Promise<void>>> = {
  'line cut': async drill => {
    await drill.round()
    drill.line.cut()
  },
  'line cut in the middle': async drill => {
    const budgets = Array.from({ length: upTo(4) }, () => upTo(60_000))
    drill.line.budget = () => budgets.shift() ?? null
    drill.line.cut()
    for (let n = 0; budgets.length > 0 && n < 50; n += 1) {
      await drill.round()
      await drill.pass(1000)
    }
  },
  'rsyslog killed': drill => again(drill, 'SIGKILL'),
  'rsyslog ended': drill => again(drill, 'SIGTERM'),
  'rsyslog stands still': async drill => {
    drill.rsyslog.freeze(true)
    await drill.happen(upTo(300))
    // It sends now or behind a pause, and asks for the end of the connection when that has carried something for so long.
    await drill.untilItBreaks(CONFIRM)
    drill.rsyslog.freeze(false)
  },
  'rsyslog stands still, buffers full': async drill => {
    await drill.through()
    drill.rsyslog.freeze(true)
    // Twenty-four megabytes: more than loopback holds.
    await drill.happen(450, 'x'.repeat(4000))
    await drill.untilItBreaks()
    drill.rsyslog.freeze(false)
  },
  'another peer permitted': async drill => {
    await drill.rsyslog.end('SIGTERM')
    await drill.rsyslog.start('another.plant.example')
    await drill.lead()
    await drill.happen(upTo(50))
    await drill.untilItBreaks()
    drill.fleet.clock.advance(60_000)
    await again(drill, 'SIGTERM')
  },
  'own process anew': drill => drill.restart(),
}

async function again(drill: SiemDrill, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const isOpen = (await drill.state()).standing.open !== null
  await drill.rsyslog.end(signal)
  // It is noticed before rsyslog is there again, or behind that.
  const before = random() < 0.5
  if (before) {
    await drill.untilItBreaks()
    drill.fleet.clock.advance(upTo(60_000))
  }
  await drill.rsyslog.start()
  await drill.lead()
  if (!before && isOpen) await drill.untilItBreaks()
}

const drill = await SiemDrill.make()
const done = new Map<string, number>()
const began = performance.now()
try {
  for (let round = 1; round <= rounds; round += 1) {
    await drill.happen(upTo(400))
    for (let n = upTo(6); n > 0; n -= 1) {
      await drill.round()
      await drill.pass(upTo(4000))
    }
    const [name, harm] = Object.entries(harms)[upTo(Object.keys(harms).length) - 1] as [string, (typeof harms)[string]]
    await harm(drill)
    done.set(name, (done.get(name) ?? 0) + 1)
    if (random() < 0.3 || round === rounds) {
      await drill.through()
      const { entries, written, twice } = await drill.judge()
      const seconds = Math.round((performance.now() - began) / 1000)
      process.stderr.write(`${round}: ${entries} entries, ${written} lines, ${twice} sent again, ${seconds} s\n`)
    }
  }
  const { entries, written, twice } = await drill.judge()
  for (const [name, count] of done) process.stdout.write(`${String(count).padStart(5)}  ${name}\n`)
  process.stdout.write(`${entries} entries, ${written} lines of rsyslog, ${twice} sent again, none lost\n`)
  process.stdout.write(`refusals seen: ${[...drill.codes].sort().join(', ')}\n`)
} finally {
  await drill.close()
}
