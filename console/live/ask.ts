import { type Fault, faultOf, isSignedOut, noAnswer } from './fault.ts'

/** An answer of the server. `now`: its clock, in milliseconds since 1970. `next`: where the next page of a list is. */
export type Answer<T> = { readonly value: T; readonly now: number; readonly next: string | null }

/** An answer, or why there is none. */
export type Asked<T> = Answer<T> | { readonly fault: Fault }

export const isFault = <T>(asked: T | { readonly fault: Fault }): asked is { readonly fault: Fault } =>
  typeof asked === 'object' && asked !== null && 'fault' in asked

const PATIENCE = 10_000

/** What does not change its text is the very same value as before, so that nothing is drawn again for it. At most so many are kept. */
const KEPT = 200
const kept = new Map<string, { readonly text: string; readonly value: unknown }>()

const gone = new Set<() => void>()

/** Calls back whenever the server says that nobody is signed in. Answers how to stop. */
export function onSignedOut(tell: () => void): () => void {
  gone.add(tell)
  return () => void gone.delete(tell)
}

/** Forgets every answer: the next person at this page may see less. */
export const forgetAnswers = (): void => kept.clear()

/** Asks for a view; `watching`: by itself, and not since somebody did something: no session is kept alive by that. Never throws. */
export async function ask<T>(path: string, watching = false): Promise<Asked<T>> {
  const headers = { accept: 'application/json', ...(watching ? { 'x-voltseal-watching': '1' } : {}) }
  const sent = await send(path, { headers })
  if (isFault(sent)) return sent
  const { text, now, next } = sent
  const before = kept.get(path)
  kept.delete(path)
  const value = before?.text === text ? (before.value as T) : parsed<T>(text)
  if (value === undefined) return { fault: faultOf(200, text) }
  kept.set(path, { text, value })
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT) break
    kept.delete(oldest)
  }
  return { value, now, next }
}

/** Asks for a file of the log; null when there is none of that name. Throws an error whose message people can read. */
export async function askFile(path: string): Promise<Uint8Array | null> {
  const response = await fetched(path, {})
  if (response === null) throw new Error(noAnswer.detail)
  if (response.status === 404) return null
  if (!response.ok) throw new Error(faultOf(response.status, await response.text().catch(() => '')).detail)
  return new Uint8Array(await response.arrayBuffer())
}

/** Sends a request and reads its answer as text. Tells whoever wants to know that nobody is signed in. */
export async function send(
  path: string,
  init: RequestInit,
): Promise<{ readonly text: string; readonly now: number; readonly next: string | null } | { readonly fault: Fault }> {
  const response = await fetched(path, init)
  const text = await response?.text().catch(() => null)
  if (response === null || text === null || text === undefined) return { fault: noAnswer }
  if (response.ok) {
    return { text, now: timeOf(response), next: nextOf(response) }
  }
  const fault = faultOf(response.status, text)
  if (isSignedOut(fault) && !path.startsWith('/v1/sign-in')) for (const tell of gone) tell()
  return { fault }
}

async function fetched(path: string, init: RequestInit): Promise<Response | null> {
  try {
    return await fetch(path, {
      ...init,
      signal: init.signal ?? AbortSignal.timeout(PATIENCE),
      credentials: 'same-origin',
      redirect: 'error',
    })
  } catch {
    return null
  }
}

/** The clock of the fleet server, which all times in its answers are of; else that of whoever answered. */
const timeOf = ({ headers }: Response): number =>
  Number(headers.get('voltseal-time')) || Date.parse(headers.get('date') ?? '') || Date.now()

/** RFC 8288: where the next page of a list is. */
const nextOf = ({ headers }: Response): string | null =>
  /^<(\/v1\/[^<>\s]{1,2000})>; rel="next"$/.exec(headers.get('link') ?? '')?.[1] ?? null

function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}
