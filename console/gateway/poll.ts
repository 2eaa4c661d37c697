import { ask, isFault } from '../live/ask.ts'
import { say, tell } from '../live/line.ts'

/** How often the gateway is asked, in milliseconds. */
const POLL = 2000

/**
 * Hears a gateway by asking it: how its link stands, every two seconds while somebody sees the page, and with each answer what the page
 * shows is asked for anew. Much of what it shows (values of the plant, who waits, the link) is no entry of any log, and one or two people
 * look: a stream of events would tell of the smaller part (docs/adr/0048). Answers how to stop.
 */
export function pollGateway(): () => void {
  let timer = 0
  let stopped = false
  const round = async (): Promise<void> => {
    if (!document.hidden) {
      const asked = await ask<unknown>('/v1/link', true)
      // Whatever it answers: it is there.
      if (!isFault(asked) || asked.fault.status !== 0) tell({ kind: 'snapshot' })
    }
    if (!stopped) timer = setTimeout(() => void round(), POLL)
  }
  void round()
  return () => {
    stopped = true
    clearTimeout(timer)
    say({ open: false, heard: null })
  }
}
