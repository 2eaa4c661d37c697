import { useEffect, useState } from 'preact/hooks'
import type { View } from '../live/views.ts'

/** Ages are looked at this often, in milliseconds. */
const TICK = 1000

/** The server's clock by now, from a view's answer on; 0 before the first. Whoever shows ages is drawn anew each second. */
export function useNow({ now, heard }: Pick<View<unknown>, 'now' | 'heard'>): number {
  const [at, setAt] = useState(() => performance.now())
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setAt(performance.now())
    }, TICK)
    return () => clearInterval(timer)
  }, [])
  return heard === null ? 0 : now + Math.max(0, at - heard)
}
