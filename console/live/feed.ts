import { type EntryKind, entryKinds } from '../../src/core/ledger/entry-kinds.ts'
import type { Happening } from '../picture/stale-views.ts'
import { ask, isFault } from './ask.ts'
import { hear, lineNow, say, tell } from './line.ts'

/** The line is asked whether it stands when nothing was heard for so long, in milliseconds. */
const PROBE = 4000
/** A stream that could not be opened is tried again after so long; a browser does not, once the server refused it. */
const AGAIN = 5000
/** Behind this a page that nobody looks at lets go of its stream: there are eight for an account, and six to a host for some browsers. */
const UNSEEN = 30_000

/**
 * Follows `/v1/events`, one stream for the page: a snapshot first, then what happens. After a break the browser goes on by itself
 * behind the last event that it has (`Last-Event-ID`), and the server ends a stream after ten minutes so that it does. Where the
 * server refuses the stream, everything counts as changed each time that it is tried again. Answers how to stop.
 */
export function followEvents(): () => void {
  let source: EventSource | null = null
  let retry = 0
  let unseen = 0
  let stopped = false

  const close = (): void => {
    source?.close()
    source = null
    clearTimeout(retry)
    say({ open: false })
  }

  const open = (): void => {
    close()
    if (stopped) return
    source = new EventSource('/v1/events')
    source.addEventListener('open', () => say({ open: true, heard: performance.now() }))
    source.addEventListener('snapshot', () => tell({ kind: 'snapshot' }))
    for (const kind of Object.keys(entryKinds) as EntryKind[]) {
      source.addEventListener(kind, ({ data }) => tell(happeningOf(kind, data)))
    }
    source.addEventListener('error', ({ currentTarget }) => {
      if (currentTarget !== source) return
      say({ open: false })
      if (source?.readyState !== EventSource.CLOSED) return
      // Refused: by who may not follow, too many streams, or a session that is over. Views are asked for all the same.
      hear({ kind: 'snapshot' })
      retry = setTimeout(open, AGAIN)
    })
  }

  // A line that is cut without a word looks open for minutes: a small question tells.
  const probe = setInterval(() => {
    const { heard } = lineNow()
    if (document.hidden || (heard !== null && performance.now() - heard < PROBE)) return
    void ask<unknown>('/v1/whoami', true).then(asked => {
      if (!stopped && (!isFault(asked) || asked.fault.status !== 0)) say({ heard: performance.now() })
    })
  }, PROBE)

  const onSeen = (): void => {
    clearTimeout(unseen)
    if (document.hidden) unseen = setTimeout(close, UNSEEN)
    else if (source === null) open()
  }
  document.addEventListener('visibilitychange', onSeen)
  open()
  return () => {
    stopped = true
    close()
    clearInterval(probe)
    clearTimeout(unseen)
    document.removeEventListener('visibilitychange', onSeen)
    say({ heard: null })
  }
}

/** What an event is about. What cannot be read is something all the same. */
function happeningOf(kind: EntryKind, data: unknown): Happening {
  try {
    const { site, controller, campaign } = JSON.parse(String(data)) as Record<string, unknown>
    return { kind, site: text(site), controller: text(controller), campaign: text(campaign) }
  } catch {
    return { kind: 'snapshot' }
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
