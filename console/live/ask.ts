/** An answer of the server: what it says, and the time of its clock, in milliseconds since 1970 (to the second). */
export type Answer<T> = { readonly value: T; readonly now: number }

const PATIENCE = 5000
const last = new Map<string, { readonly text: string; readonly value: unknown }>()

/**
 * Asks for a view. What did not change is the very same value as before, so that nothing is drawn again for it. Throws
 * an error whose message people can read when there is no answer, or a refusal.
 */
export async function ask<T>(path: string): Promise<Answer<T>> {
  const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), credentials: 'omit' }).catch(() => {
    throw new Error('The server does not answer.')
  })
  const text = await response.text()
  if (!response.ok) throw new Error(problemText(text) ?? `The server answers ${response.status}.`)
  const now = Date.parse(response.headers.get('date') ?? '') || Date.now()
  const before = last.get(path)
  if (before?.text === text) return { value: before.value as T, now }
  const value = JSON.parse(text) as T
  last.set(path, { text, value })
  return { value, now }
}

/** Asks for a file of the log; null when there is none of that name. Throws as `ask` does. */
export async function askFile(path: string): Promise<Uint8Array | null> {
  const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), credentials: 'omit' }).catch(() => {
    throw new Error('The server does not answer.')
  })
  if (response.status === 404) return null
  if (!response.ok) throw new Error(`The server answers ${response.status}.`)
  return new Uint8Array(await response.arrayBuffer())
}

function problemText(text: string): string | null {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown }
    return typeof detail === 'string' ? detail : null
  } catch {
    return null
  }
}
