import { useEffect, useState } from 'preact/hooks'
import { onLine } from '../live/line.ts'
import { type Freshness, freshness } from '../picture/age.ts'

/** How old what the page shows is, looked at twice a second. Who reads it is drawn anew only when the word changes. */
export function useFreshness(): Freshness {
  const [now, setNow] = useState<Freshness>(() => freshness(null))
  useEffect(() => {
    let heard: number | null = null
    const look = (): void => {
      const next = freshness(heard === null ? null : performance.now() - heard)
      setNow(before => (before.text === next.text ? before : next))
    }
    const stop = onLine(line => {
      heard = line.heard
      look()
    })
    const timer = setInterval(look, 500)
    return () => {
      stop()
      clearInterval(timer)
    }
  }, [])
  return now
}

/** Says on every screen that what it shows is old, and marks it as old (`html.stale`, see theme.css). */
export function Stale() {
  const { at } = useFreshness()
  const stale = at === 'stale'
  useEffect(() => {
    document.documentElement.classList.toggle('stale', stale)
    return () => document.documentElement.classList.remove('stale')
  }, [stale])
  if (!stale) return null
  return (
    <p class="fault" role="alert">
      The server does not answer. What is shown below is the last that was heard.
    </p>
  )
}
