import { useEffect, useState } from 'preact/hooks'
import { type Happening, REFRESH, touches } from '../picture/stale-views.ts'
import { ask, forgetAnswers, isFault } from './ask.ts'
import type { Fault } from './fault.ts'
import { onHappening } from './line.ts'

/** A view of the server as it was heard last. */
export type View<T> = {
  /** Null before the first answer, and without a path. What did not change is the very same value. */
  readonly value: T | null
  /** The server's clock at that answer, in milliseconds since 1970. */
  readonly now: number
  /** `performance.now()` of the last answer; null before the first. */
  readonly heard: number | null
  /** Why the last question has no answer; the value is then the last that was heard. */
  readonly fault: Fault | null
  /** Of a list: where its next page is. */
  readonly next: string | null
}

const NOTHING: View<never> = { value: null, now: 0, heard: null, fault: null, next: null }

/** A view is asked for at most once in so many milliseconds, however much happens. */
const PAUSE = 1000
/** Views that nobody looks at and that are kept for a step back. */
const REMEMBERED = 40

type Held = {
  view: View<unknown>
  readonly readers: Set<(view: View<unknown>) => void>
  /** A question is under way. */
  asking: boolean
  /** Something happened since the last question. */
  stale: boolean
  /** Somebody came to where it is shown: the next question is not asked by the page alone. */
  wanted: boolean
  /** `performance.now()` of the last question; below zero: never. */
  asked: number
  timer: number
}

const held = new Map<string, Held>()

/** A view of the server, shared by its path by all who read it, and asked for again when something happened that may change it. */
export function useView<T>(path: string | null): View<T> {
  const [, redraw] = useState<unknown>(null)
  useEffect(() => {
    if (path === null) return
    return read(path, redraw)
  }, [path])
  const view = path === null ? undefined : held.get(path)?.view
  return (view ?? NOTHING) as View<T>
}

/** Reads a view, as `useView` does; answers how to stop. */
export function read(path: string, reader: (view: View<unknown>) => void): () => void {
  const one = held.get(path) ?? {
    view: NOTHING,
    readers: new Set(),
    asking: false,
    stale: true,
    wanted: true,
    asked: -PAUSE,
    timer: 0,
  }
  // Read last: at the end of the order.
  held.delete(path)
  held.set(path, one)
  one.readers.add(reader)
  one.wanted = true
  if (one.view !== NOTHING) reader(one.view)
  // What nobody looked at was not asked for again: an old answer is shown, and a new one comes behind it.
  if (performance.now() - one.asked >= PAUSE) one.stale = true
  plan(path, one)
  return () => {
    one.readers.delete(reader)
    if (one.readers.size > 0) return
    clearTimeout(one.timer)
    one.timer = 0
    forgetOld()
  }
}

/** Asks for a view again soon: somebody has changed what it tells. */
export function askAgain(matches: (path: string) => boolean): void {
  for (const [path, one] of held) {
    // What is old already is asked for anyway: of two hundred events a second most find every view so.
    if (one.stale || !matches(path)) continue
    one.stale = true
    plan(path, one)
  }
}

/** Forgets all that was heard: the next person at this page may see less. */
export function forgetViews(): void {
  for (const one of held.values()) clearTimeout(one.timer)
  held.clear()
  forgetAnswers()
}

/**
 * Follows what happens, and keeps the views that are looked at as new as it is. `follow`: how the server is heard (live/feed.ts); it answers
 * how to stop, as this does.
 */
export function keepViews(follow: () => () => void): () => void {
  const stopHearing = onHappening((happening: Happening) => askAgain(path => touches(happening, path)))
  const stopFollowing = follow()
  const timer = setInterval(() => {
    const now = performance.now()
    for (const [path, one] of held) {
      if (now - one.asked < REFRESH) continue
      one.stale = true
      plan(path, one)
    }
  }, 1000)
  const onSeen = (): void => {
    if (!document.hidden) for (const [path, one] of held) plan(path, one)
  }
  document.addEventListener('visibilitychange', onSeen)
  return () => {
    stopHearing()
    stopFollowing()
    clearInterval(timer)
    document.removeEventListener('visibilitychange', onSeen)
  }
}

/** Asks for a view when it is old, somebody reads it, the page is seen, and the last question is long enough ago. */
function plan(path: string, one: Held): void {
  if (!one.stale || one.asking || one.timer !== 0 || one.readers.size === 0 || document.hidden) return
  const wait = Math.max(0, one.asked + PAUSE - performance.now())
  one.timer = setTimeout(() => {
    one.timer = 0
    void renew(path, one)
  }, wait)
}

async function renew(path: string, one: Held): Promise<void> {
  one.asking = true
  one.stale = false
  one.asked = performance.now()
  const watching = !one.wanted
  one.wanted = false
  const asked = await ask<unknown>(path, watching)
  one.asking = false
  // Forgotten meanwhile: what comes is another person's.
  if (held.get(path) !== one) return
  one.view = isFault(asked)
    ? { ...one.view, fault: asked.fault }
    : { value: asked.value, now: asked.now, heard: performance.now(), fault: null, next: asked.next }
  for (const reader of one.readers) reader(one.view)
  plan(path, one)
}

function forgetOld(): void {
  for (const [path, { readers }] of held) {
    if (held.size <= REMEMBERED) return
    if (readers.size === 0) held.delete(path)
  }
}
