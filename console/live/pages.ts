import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ask, isFault } from './ask.ts'
import type { Fault } from './fault.ts'
import { useView } from './views.ts'

/** A list that comes in pages: the first one is kept new, the others are as they were when they were fetched. */
export type Pages<T> = {
  readonly items: readonly T[]
  readonly heard: boolean
  readonly now: number
  readonly fault: Fault | null
  /** Fetches the next page; null: there is none. */
  readonly more: (() => void) | null
}

type Further<T> = { readonly path: string | null; readonly items: readonly T[]; readonly next: string | null }

/** A list by its path. Another path is another list. */
export function usePages<T>(path: string | null): Pages<T> {
  const first = useView<readonly T[]>(path)
  const [further, setFurther] = useState<Further<T> | null>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const busy = useRef(false)
  useEffect(() => setFurther(null), [path])
  const own = further?.path === path ? further : null
  // The very same list as long as nothing came: whoever works something out of it does so once.
  const items = useMemo(() => [...(first.value ?? []), ...(own?.items ?? [])], [first.value, own])
  const next = own === null ? first.next : own.next
  const more = async (from: string): Promise<void> => {
    if (busy.current) return
    busy.current = true
    const asked = await ask<readonly T[]>(from)
    busy.current = false
    if (isFault(asked)) return setFault(asked.fault)
    setFault(null)
    setFurther({ path, items: [...(own?.items ?? []), ...asked.value], next: asked.next })
  }
  return {
    items,
    heard: first.value !== null,
    now: first.now,
    fault: fault ?? first.fault,
    more: next === null ? null : () => void more(next),
  }
}
