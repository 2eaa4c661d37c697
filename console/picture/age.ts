/** How old something is, in one short word: `4 s`, `12 min`, `7 h`, `3 d`. `millis` below a second is `now`. */
export function ageText(millis: number): string {
  if (millis < 1000) return 'now'
  const seconds = Math.floor(millis / 1000)
  if (seconds < 100) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 100) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`
}

/** `4 s ago`; below a second `just now`. */
export const agoText = (millis: number): string => (millis < 1000 ? 'just now' : `${ageText(millis)} ago`)

/** When a gateway called, and whether that is longer ago than it may be silent. */
export function gatewayHeard(
  { heardAt, silentAfterMillis }: { readonly heardAt: number | null; readonly silentAfterMillis: number },
  now: number,
): { readonly silent: boolean; readonly text: string } {
  if (heardAt === null) return { silent: true, text: 'not heard since the server started' }
  const heard = `heard ${agoText(now - heardAt)}`
  const silent = now - heardAt > silentAfterMillis
  return { silent, text: silent ? `${heard}: silent, for more than ${ageText(silentAfterMillis)}` : heard }
}

/** Behind this, in milliseconds, what is shown is no longer live: two small questions in a row have no answer (live/feed.ts). */
const LIVE_MILLIS = 9000
/** Behind this it is stale: it is marked wherever it stands. */
const STALE_MILLIS = 15_000

export type Freshness = { readonly at: 'waiting' | 'live' | 'behind' | 'stale'; readonly text: string }

/** What the badge says. `behind`: since the server was heard last, in milliseconds; null before the first time. */
export function freshness(behind: number | null): Freshness {
  if (behind === null) return { at: 'waiting', text: 'no data yet' }
  if (behind < LIVE_MILLIS) return { at: 'live', text: 'live' }
  return { at: behind < STALE_MILLIS ? 'behind' : 'stale', text: `${ageText(behind)} behind` }
}
