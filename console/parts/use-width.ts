import type { RefObject } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'

/** How wide an element is, in whole steps of 20 pixels, so that not every move of a window's edge draws anew. */
export function useWidth(element: RefObject<HTMLElement | null>, first: number): number {
  const [width, setWidth] = useState(first)
  useLayoutEffect(() => {
    const { current } = element
    if (current === null) return
    const look = (): void => setWidth(Math.max(280, Math.floor(current.clientWidth / 20) * 20))
    look()
    const observer = new ResizeObserver(look)
    observer.observe(current)
    return () => observer.disconnect()
  }, [])
  return width
}
