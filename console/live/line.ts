import type { Happening } from '../picture/stale-views.ts'

/** What is known of the server by what comes from it, whichever way it comes. */

/** How it stands with hearing the server. */
export type Line = {
  /** The server tells what happens as it happens. */
  readonly open: boolean
  /** `performance.now()` when the server was heard last, of anything; null: never. */
  readonly heard: number | null
}

const hearers = new Set<(happening: Happening) => void>()
const watchers = new Set<(line: Line) => void>()
let line: Line = { open: false, heard: null }

/** Calls back for everything that happens, and with the kind `snapshot` when anything may have. Answers how to stop. */
export function onHappening(hear: (happening: Happening) => void): () => void {
  hearers.add(hear)
  return () => void hearers.delete(hear)
}

/** Calls back whenever the line changes, and at once. Answers how to stop. */
export function onLine(watch: (line: Line) => void): () => void {
  watchers.add(watch)
  watch(line)
  return () => void watchers.delete(watch)
}

/** Changes what is known of the line. */
export function say(next: Partial<Line>): void {
  line = { ...line, ...next }
  for (const watch of watchers) watch(line)
}

/** The server was heard, with something that happened. */
export function tell(happening: Happening): void {
  say({ open: true, heard: performance.now() })
  hear(happening)
}

/** Something may have happened: whoever shows what it is about looks again. */
export function hear(happening: Happening): void {
  for (const one of hearers) one(happening)
}

export const lineNow = (): Line => line
