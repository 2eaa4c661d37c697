import { isRefusal } from '../../core/refusal/refusal.ts'
import { atLeast, type Readings } from '../../core/slot/health-machine.ts'
import { observe, openWindow, revert } from '../../flows/health.ts'
import { type AgentConfig, leastTrial } from '../../wire/agent-config.ts'
import type { Application } from './application.ts'
import type { Device } from './device.ts'
import type { Note } from './events.ts'
import { agentFiles } from './files.ts'
import { pause } from './link/back-off.ts'
import { readBaseline } from './probes/baseline.ts'
import { readProbes } from './probes/probes.ts'

export type TrialParts = {
  readonly folder: string
  readonly device: Device
  readonly application: Application
  readonly config: AgentConfig
  readonly note: Note
  readonly stop: AbortSignal
}

/** Rounds of observation in a health window, at least, and the longest pause between two, in milliseconds. */
const ROUNDS = 16
const LONGEST_PAUSE = 1_000
/** An application that ends this often in its trial does not work, whatever its probes say between two ends. */
const ENDS = 3

/** How a trial ended: it is confirmed, or the controller restarts into what ran before, or it was stopped. */
export type TrialEnd = 'confirmed' | 'restart' | 'stopped'

/** Watches a trial to its end. The record of how it ended is durable on return. */
export async function watchTrial({ folder, device, application, config, note, stop }: TrialParts): Promise<TrialEnd> {
  const { running, board, clock } = device
  const { probes } = config
  const least = leastTrial(config)
  const { windowMillis, probes: names } = atLeast(running.facts.health, least)
  const step = Math.min(Math.max(windowMillis / ROUNDS, 1), LONGEST_PAUSE)
  const figures = readBaseline(agentFiles(folder).baseline, device.memory?.update ?? '')
  const parts = { probes, beat: () => application.beat, figures, mark: device.mark }
  const { version } = running.facts
  let window = openWindow(running, least, clock.now())
  while (!stop.aborted) {
    await pause(step, stop)
    if (stop.aborted) break
    if (application.ends >= ENDS) return giveUp(device, 'application keeps ending', note)
    // A round that takes longer than a quarter of the window would count for less than it took.
    const readings: Readings = await readProbes(names, windowMillis / 8, parts)
    if (stop.aborted) break
    const seen = observe(board, running, window, readings, clock.now())
    if (isRefusal(seen)) {
      note({ event: 'waiting', code: seen.code, detail: seen.actual })
      // The verdict could not be written down, or the record names something else by now. To go on watching would be to
      // forget the verdict: the boot stage decides anew, and what is tried again then has spent a try.
      return 'restart'
    }
    if (seen.at === 'watching') window = seen.window
    else if (seen.at === 'reverted') {
      note({ event: 'reverted', cause: seen.cause, version })
      return 'restart'
    } else {
      device.confirmed()
      note({ event: 'confirmed', version, slot: running.slot, counter: board.element.counter() ?? 0 })
      return 'confirmed'
    }
  }
  return 'stopped'
}

/** If power fails before the record, the trial starts again on its budget; behind it, the other slot boots. */
function giveUp(device: Device, cause: string, note: Note): TrialEnd {
  const reverted = revert(device.board, device.running, cause, device.clock.now())
  if (isRefusal(reverted)) note({ event: 'waiting', code: reverted.code, detail: reverted.actual })
  else note({ event: 'reverted', cause, version: device.running.facts.version })
  return 'restart'
}
