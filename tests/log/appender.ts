import { VirtualClock } from '../../sim/clock/virtual-clock.ts'
import { appendEntries, type Event, record } from '../../src/flows/audit.ts'
import { refuseToGoOn } from '../../src/flows/log-start.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

/**
 * A process that writes to a log until it is killed: `node appender.ts FOLDER FIRST`. Sixteen callers at once, some of them decisions;
 * each number is said on stdout when its entry was answered, and not before.
 */
const [folder = '', first = '0'] = process.argv.slice(2)
const CALLERS = 16

const fleet = QuietFleet.at(folder, new VirtualClock(Date.now()))
const { world } = fleet
const stopped = await refuseToGoOn(
  world.store,
  { name: world.name, key: world.auditSigner.key, retired: [] },
  world.crypto,
)
if (stopped !== null) throw new Error(stopped.code)

let next = Number(first)
async function caller(): Promise<never> {
  for (;;) {
    const number = next++
    const event: Event = { kind: 'intrusion-signal', actor: { kind: 'fleet', id: world.name }, detail: { number } }
    if (number % 5 === 0) await world.store.exclusive(() => record(world, {}, [event]))
    else await appendEntries(world, [event])
    process.stdout.write(`${number}\n`)
  }
}
await Promise.all(Array.from({ length: CALLERS }, caller))
