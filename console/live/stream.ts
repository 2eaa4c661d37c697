import { type EntryKind, entryKinds } from '../../src/core/ledger/entry-kinds.ts'
import type { Happening } from '../picture/stale-views.ts'
import type { Stream } from './shared-stream.ts'

/** A stream that could not be opened is tried again after so long; a browser does not, once the server refused it. */
const AGAIN = 5000

/**
 * Opens `/v1/events`: a snapshot first, then what happens. After a break the browser goes on by itself behind the last event that it
 * has (`Last-Event-ID`), and the server ends a stream after ten minutes so that it does. Where the server refuses the stream,
 * everything counts as changed each time that it is tried again.
 */
export const eventStream: Stream = tell => {
  let source: EventSource | null = null
  let retry = 0
  const open = (): void => {
    const mine = new EventSource('/v1/events')
    source = mine
    mine.addEventListener('open', () => tell({ at: 'line', open: true }))
    mine.addEventListener('snapshot', () => tell({ at: 'happened', happening: { kind: 'snapshot' } }))
    for (const kind of Object.keys(entryKinds) as EntryKind[]) {
      mine.addEventListener(kind, ({ data }) => tell({ at: 'happened', happening: happeningOf(kind, data) }))
    }
    mine.addEventListener('error', () => {
      if (mine !== source) return
      tell({ at: 'line', open: false })
      if (mine.readyState !== EventSource.CLOSED) return
      // Refused: by who may not follow, too many streams, or a session that is over. Views are asked for all the same.
      tell({ at: 'unknown' })
      retry = setTimeout(open, AGAIN)
    })
  }
  open()
  return () => {
    source?.close()
    source = null
    clearTimeout(retry)
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
