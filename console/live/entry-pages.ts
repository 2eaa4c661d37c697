import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { FoundEntries } from '../../src/wire/audit-views.ts'
import { begun, type Pages, searchPath, withNewer, withOlder } from '../picture/entry-pages.ts'
import { ask, isFault } from './ask.ts'
import type { Fault } from './fault.ts'
import { onHappening } from './line.ts'

/** What a search finds, as far as it was asked for. `busy`: an answer is awaited. */
export type Found = {
  readonly pages: Pages | null
  readonly fault: Fault | null
  readonly busy: boolean
  readonly older: () => void
  readonly newer: () => void
}

/** New entries are asked for at most once in so many milliseconds. */
const PAUSE = 1000

/** Searches the log by the query of the address: from `around` on, or from its end; then as far as somebody scrolls, and what is new. */
export function useEntries(filter: string, around: number | null): Found {
  const [pages, setPages] = useState<Pages | null>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const [busy, setBusy] = useState(true)
  const state = useRef<{ run: number; busy: boolean; pages: Pages | null; asked: number }>({
    run: 0,
    busy: false,
    pages: null,
    asked: 0,
  })
  const begin = useRef(around)

  const get = useCallback(
    async (
      place: { readonly below?: number; readonly above?: number },
      take: (found: FoundEntries) => Pages,
    ): Promise<void> => {
      const now = state.current
      if (now.busy) return
      const { run } = now
      now.busy = true
      now.asked = performance.now()
      setBusy(true)
      const asked = await ask<FoundEntries>(searchPath(new URLSearchParams(filter), place))
      if (state.current.run !== run) return
      now.busy = false
      setBusy(false)
      if (isFault(asked)) return setFault(asked.fault)
      now.pages = take(asked.value)
      setFault(null)
      setPages(now.pages)
    },
    [filter],
  )

  const older = useCallback(() => {
    const { pages: now } = state.current
    if (now?.older != null) void get({ below: now.older }, found => withOlder(state.current.pages ?? now, found))
  }, [get])
  const newer = useCallback(() => {
    const { pages: now } = state.current
    if (now !== null) void get({ above: Math.max(0, now.newer) }, found => withNewer(state.current.pages ?? now, found))
  }, [get])

  useEffect(() => {
    state.current = { run: state.current.run + 1, busy: false, pages: null, asked: 0 }
    setPages(null)
    const from = begin.current
    void get(from === null ? {} : { below: from + 1 }, found => begun(found, from))
    return () => {
      state.current.run += 1
    }
  }, [get])

  useEffect(() => {
    let timer = 0
    const stop = onHappening(() => {
      if (timer !== 0) return
      timer = setTimeout(
        () => {
          timer = 0
          newer()
        },
        Math.max(0, state.current.asked + PAUSE - performance.now()),
      )
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [newer])

  return { pages, fault, busy, older, newer }
}
