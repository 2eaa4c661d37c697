/** What the console does by the keyboard: `/`, `?`, `j`, or two keys one after the other, `g f`. */
export type Pressed = {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  /** The focus is where text is typed. */
  readonly typing: boolean
}

/** A first key waits so long for its second one, in milliseconds. */
export const SEQUENCE = 1500

/** The first key of a sequence that waits for its second; `at` in milliseconds of any clock. */
export type Waiting = { readonly key: string; readonly at: number } | null

/** What a key means: a name of the console's keys, or a first one that waits. `known` are the names that mean something. */
export function pressed(
  { key, ctrlKey, metaKey, altKey, typing }: Pressed,
  waiting: Waiting,
  now: number,
  known: ReadonlySet<string>,
): { readonly means: string | null; readonly waiting: Waiting } {
  if (typing || ctrlKey || metaKey || altKey) return { means: null, waiting: null }
  const first = waiting !== null && now - waiting.at <= SEQUENCE ? waiting.key : null
  const both = first === null ? null : `${first} ${key}`
  if (both !== null && known.has(both)) return { means: both, waiting: null }
  if (known.has(key)) return { means: key, waiting: null }
  const begins = [...known].some(name => name.startsWith(`${key} `))
  return { means: null, waiting: begins ? { key, at: now } : null }
}
