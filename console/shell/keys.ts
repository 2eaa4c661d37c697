import { useEffect, useRef } from 'preact/hooks'
import { pressed, type Waiting } from '../picture/key-sequence.ts'

/** A key of the console, or two of them in a row (`g f`), and what it does, for the list of keys. */
type Bound = { readonly what: string; readonly run: () => void }

/** By key, the one that came last: a screen's before the shell's. */
const bound = new Map<string, Bound[]>()

/** Gives a key a meaning as long as the component stands. */
export function useKey(key: string, what: string, run: () => void): void {
  const latest = useRef(run)
  latest.current = run
  useEffect(() => {
    const mine: Bound = { what, run: () => latest.current() }
    bound.set(key, [...(bound.get(key) ?? []), mine])
    return () => {
      const left = (bound.get(key) ?? []).filter(one => one !== mine)
      if (left.length > 0) bound.set(key, left)
      else bound.delete(key)
    }
  }, [key, what])
}

/** The keys that mean something now, for the list that `?` opens. */
export const keysNow = (): readonly { readonly key: string; readonly what: string }[] =>
  [...bound].map(([key, all]) => ({ key, what: all.at(-1)?.what ?? '' }))

/** Listens to the keyboard. Keys that are typed into a field, or with Ctrl, Alt or Meta, are left alone. Answers how to stop. */
export function listenToKeys(): () => void {
  let waiting: Waiting = null
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.repeat || event.key === 'Shift') return
    // An open dialog has the keyboard for itself.
    if (document.querySelector('dialog[open]') !== null) return
    const target = event.target as HTMLElement
    const typing = target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
    const { key, ctrlKey, metaKey, altKey } = event
    const known = new Set(bound.keys())
    const outcome = pressed({ key, ctrlKey, metaKey, altKey, typing }, waiting, performance.now(), known)
    waiting = outcome.waiting
    if (outcome.means === null) return
    event.preventDefault()
    bound.get(outcome.means)?.at(-1)?.run()
  }
  document.addEventListener('keydown', onKey)
  return () => document.removeEventListener('keydown', onKey)
}

/**
 * Moves the focus among the rows of the screen (`data-row`), which Enter opens: a row is a link or a button, or holds one. From
 * nowhere the first or the last one is taken.
 */
export function moveRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')].filter(row => row.offsetParent !== null)
  const at = rows.findIndex(row => row.contains(document.activeElement))
  const next = at < 0 ? (step === 1 ? rows[0] : rows.at(-1)) : rows[at + step]
  const focus = next?.matches('a, button') ? next : next?.querySelector<HTMLElement>('a, button')
  focus?.focus()
  focus?.scrollIntoView({ block: 'nearest' })
}
