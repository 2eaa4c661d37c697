import type { Happening } from '../picture/stale-views.ts'

/**
 * One stream of events for all tabs of an account: browsers open six connections to a host over HTTP/1.1, and the server gives an
 * account eight streams. The tab that holds the lock (Web Locks API) holds the stream, and passes on what it hears (BroadcastChannel).
 */

/** What a stream tells: whether it stands, what happened, or that nobody knows what did (it was refused). */
export type Told =
  | { readonly at: 'line'; readonly open: boolean }
  | { readonly at: 'happened'; readonly happening: Happening }
  | { readonly at: 'unknown' }

/** Opens a stream; answers how it is closed. */
export type Stream = (tell: (told: Told) => void) => () => void

/** What tabs say to each other: what the stream tells; that one has just come; and by the one with the stream, that it is there. */
type Word = Told | { readonly at: 'came' } | { readonly at: 'here' }

/** The tab with the stream says so often that it is there, in milliseconds. */
const SIGN = 5000
/** Behind this a tab believes that the one with the stream sleeps, as telephones let them, and opens one of its own. */
const PATIENCE = 3 * SIGN

/** What it needs of the world: time, and a timer. Answers how the timer is stopped. */
export type Ticking = { readonly now: () => number; readonly every: (millis: number, work: () => void) => () => void }

const ticking: Ticking = {
  now: () => performance.now(),
  every: (millis, work) => {
    const timer = setInterval(work, millis)
    return () => clearInterval(timer)
  },
}

/**
 * Follows the stream of that name together with the other tabs of this browser; where it has no locks or no channels, a stream of its own.
 * Whoever comes anew is told that anything may have changed, and so are all when the stream passes from one tab to another. Answers how
 * to stop.
 */
export function sharedStream(
  name: string,
  open: Stream,
  tell: (told: Told) => void,
  { now, every }: Ticking = ticking,
): () => void {
  if (!('locks' in navigator) || !('BroadcastChannel' in globalThis)) return open(tell)
  const channel = new BroadcastChannel(name)
  const left = new AbortController()
  // Closes the stream that is everybody's, and the one that this tab has beside it while the other tab sleeps.
  let closeAll: (() => void) | null = null
  let closeOwn: (() => void) | null = null
  let heard = now()
  let isNew = true

  const hold = (): void => {
    closeOwn?.()
    closeOwn = null
    closeAll = open(told => {
      tell(told)
      channel.postMessage(told)
    })
  }
  channel.onmessage = ({ data }: { readonly data: unknown }) => {
    const word = data as Word
    if (closeAll !== null) {
      // There is one that holds it: what others tell was said before the lock passed on.
      if (word.at === 'came') channel.postMessage({ at: 'here' } satisfies Word)
      return
    }
    if (word.at === 'came') return
    heard = now()
    closeOwn?.()
    closeOwn = null
    if (isNew) tell({ at: 'unknown' })
    isNew = false
    if (word.at !== 'here') tell(word)
  }
  const stopTicking = every(SIGN, () => {
    if (closeAll !== null) channel.postMessage({ at: 'here' } satisfies Word)
    else if (closeOwn === null && now() - heard > PATIENCE) closeOwn = open(tell)
  })
  navigator.locks
    .request(name, { signal: left.signal }, async () => {
      if (left.signal.aborted) return
      hold()
      await new Promise<void>(done => left.signal.addEventListener('abort', () => done(), { once: true }))
    })
    .catch(() => {
      // No locks here after all (a browser that keeps nothing): a stream of its own.
      if (!left.signal.aborted && closeAll === null) hold()
    })
  channel.postMessage({ at: 'came' } satisfies Word)
  return () => {
    left.abort()
    stopTicking()
    closeAll?.()
    closeOwn?.()
    channel.close()
  }
}
