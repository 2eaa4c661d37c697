import { useEffect, useState } from 'preact/hooks'
import { changedQuery } from '../picture/address.ts'

/** Where the console is. */
export type Address = { readonly path: string; readonly query: URLSearchParams }

const listeners = new Set<() => void>()
const here = (): Address => ({ path: location.pathname, query: new URLSearchParams(location.search) })
let current = here()

function moved(): void {
  current = here()
  for (const tell of listeners) tell()
}

/** Goes to an address of the console, which a step back leads away from. */
export function go(href: string): void {
  if (href === `${location.pathname}${location.search}`) return
  history.pushState(null, '', href)
  moved()
}

/** The same without a step of its own in the history: for what was only passed through. */
export function goInstead(href: string): void {
  history.replaceState(null, '', href)
  moved()
}

/** Changes members of the query; null takes one away. */
export function setQuery(change: Readonly<Record<string, string | null>>): void {
  const query = changedQuery(current.query, change).toString()
  goInstead(`${location.pathname}${query === '' ? '' : `?${query}`}`)
}

/** The address, and each one that comes after it. */
export function useAddress(): Address {
  const [address, setAddress] = useState(current)
  useEffect(() => {
    const tell = (): void => setAddress(current)
    listeners.add(tell)
    tell()
    return () => void listeners.delete(tell)
  }, [])
  return address
}

/**
 * Follows links to the console's own addresses without loading the page anew, and the browser's steps back and forth. What is to open
 * in another tab, is a file, or is the API's is left to the browser. Answers how to stop.
 */
export function followLinks(): () => void {
  const onClick = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null
    const href = link?.getAttribute('href') ?? null
    if (link === null || href === null || link.hasAttribute('target') || link.hasAttribute('download')) return
    // Also in a drawing, whose links are of another sort.
    const { origin, pathname, search, hash } = new URL(href, location.href)
    if (origin !== location.origin || pathname.startsWith('/v1/') || pathname.startsWith('/log/')) return
    if (hash !== '' && pathname === location.pathname && search === location.search) return
    event.preventDefault()
    go(`${pathname}${search}`)
  }
  document.addEventListener('click', onClick)
  addEventListener('popstate', moved)
  return () => {
    document.removeEventListener('click', onClick)
    removeEventListener('popstate', moved)
  }
}
