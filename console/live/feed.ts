import { ask, isFault } from './ask.ts'
import { hear, lineNow, say, tell } from './line.ts'
import { sharedStream, type Told } from './shared-stream.ts'
import { eventStream } from './stream.ts'

/** The line is asked whether it stands when nothing was heard for so long, in milliseconds. */
const PROBE = 4000
/** Behind this a page that nobody looks at lets go of the stream: another tab takes it up. */
const UNSEEN = 30_000

/** Follows what happens, by one stream for all tabs of the account. Answers how to stop. */
export function followEvents(account: string): () => void {
  let close: (() => void) | null = null
  let unseen = 0
  let stopped = false

  // A line that is cut without a word looks open for minutes: a small question tells.
  const probe = (): void => {
    const { heard } = lineNow()
    if (document.hidden || (heard !== null && performance.now() - heard < PROBE)) return
    void ask<unknown>('/v1/whoami', true).then(asked => {
      if (!stopped && (!isFault(asked) || asked.fault.status !== 0)) say({ heard: performance.now() })
    })
  }
  const onTold = (told: Told): void => {
    if (told.at === 'happened') tell(told.happening)
    else if (told.at === 'line') say(told.open ? { open: true, heard: performance.now() } : { open: false })
    else {
      hear({ kind: 'snapshot' })
      // Another tab may have the stream, and nothing may happen for hours: whether the server is there is asked at once.
      probe()
    }
  }
  const open = (): void => {
    close ??= sharedStream(`voltseal-events ${account}`, eventStream, onTold)
  }
  const letGo = (): void => {
    close?.()
    close = null
    say({ open: false })
  }

  const timer = setInterval(probe, PROBE)

  const onSeen = (): void => {
    clearTimeout(unseen)
    if (document.hidden) unseen = setTimeout(letGo, UNSEEN)
    else open()
  }
  document.addEventListener('visibilitychange', onSeen)
  open()
  return () => {
    stopped = true
    letGo()
    clearInterval(timer)
    clearTimeout(unseen)
    document.removeEventListener('visibilitychange', onSeen)
    say({ heard: null })
  }
}
