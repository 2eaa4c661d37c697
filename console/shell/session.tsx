import { type ComponentChildren, createContext } from 'preact'
import { useCallback, useContext, useEffect, useState } from 'preact/hooks'
import type { Action } from '../../src/core/fleet/roles.ts'
import { ask, isFault, onSignedOut } from '../live/ask.ts'
import { change } from '../live/change.ts'
import { type Fault, isSignedOut } from '../live/fault.ts'
import { onHappening } from '../live/line.ts'
import { forgetViews } from '../live/views.ts'
import { type May, mayDo } from '../picture/may.ts'

/** Who is signed in, and what they may do. */
export type Session = {
  readonly account: string
  readonly name: string
  /** The one site that the page is of, where it is a gateway's; null: it is the fleet's. */
  readonly site: string | null
  /** Whether they may do it at a site; without a site: anywhere at all. The server judges each request all the same. */
  readonly may: (action: Action, site?: string) => boolean
}

/** GET /v1/whoami, as far as the console reads it. */
type Who = { readonly account: string; readonly name: string; readonly may: May; readonly site?: string | null }

/** How it stands with signing in: not asked yet, nobody, somebody, or no answer. */
export type Standing =
  | { readonly at: 'asking' }
  | { readonly at: 'nobody' }
  | { readonly at: 'unknown'; readonly fault: Fault }
  | { readonly at: 'somebody'; readonly session: Session }

const Context = createContext<Session | null>(null)

/** Who is signed in. Only screens and what stands on them may ask: there is somebody. */
export function useSession(): Session {
  const session = useContext(Context)
  if (session === null) throw new Error('nobody is signed in here')
  return session
}

export function SessionProvider({ session, children }: { session: Session; children: ComponentChildren }) {
  return <Context.Provider value={session}>{children}</Context.Provider>
}

/** Asks who is signed in, again after each change of accounts, and knows at once when the session is over. */
export function useStanding(): Standing {
  const [standing, setStanding] = useState<Standing>({ at: 'asking' })
  const renew = useCallback(() => {
    void ask<Who>('/v1/whoami').then(asked => {
      if (!isFault(asked)) return setStanding(before => signedIn(before, asked.value))
      if (isSignedOut(asked.fault)) return setStanding({ at: 'nobody' })
      // Who was signed in stays so while the server is away: the badge says how old everything is.
      setStanding(before => (before.at === 'somebody' ? before : { at: 'unknown', fault: asked.fault }))
    })
  }, [])
  useEffect(() => {
    renewals.add(renew)
    renew()
    return () => void renewals.delete(renew)
  }, [renew])
  useEffect(
    () =>
      onSignedOut(() => {
        forgetViews()
        setStanding({ at: 'nobody' })
      }),
    [],
  )
  useEffect(() => onHappening(({ kind }) => kind === 'account-changed' && renew()), [renew])
  useEffect(() => {
    if (standing.at !== 'unknown') return
    const timer = setTimeout(renew, 2000)
    return () => clearTimeout(timer)
  }, [standing, renew])
  return standing
}

const renewals = new Set<() => void>()

/** Says that a session has begun, or that what its person may do has changed: who is signed in is asked again. */
export function sessionBegun(): void {
  for (const renew of renewals) renew()
}

/** The same person with the same roles is the very same session: nothing is drawn again. */
function signedIn(before: Standing, { account, name, may, site = null }: Who): Standing {
  const text = JSON.stringify([account, name, may, site])
  if (before.at === 'somebody' && told.get(before.session) === text) return before
  const session: Session = { account, name, site, may: (action, site) => mayDo(may, action, site) }
  told.set(session, text)
  return { at: 'somebody', session }
}

const told = new WeakMap<Session, string>()

/** Between two signs of life that the server is told, in milliseconds. */
const SIGN_OF_LIFE = 60_000

/**
 * Tells the server that somebody is there, as long as keys and pointers say so: what the page asks for by itself keeps no session
 * alive, and who only reads would be signed out. Answers how to stop.
 */
export function keepSession(): () => void {
  let told = performance.now()
  const onLife = (): void => {
    if (performance.now() - told < SIGN_OF_LIFE) return
    told = performance.now()
    void ask('/v1/whoami')
  }
  const signs = ['keydown', 'pointerdown', 'wheel'] as const
  for (const sign of signs) addEventListener(sign, onLife, { passive: true })
  return () => {
    for (const sign of signs) removeEventListener(sign, onLife)
  }
}

/** Ends the session, at the server first. Answers why it could not be ended; null: it is over. */
export async function signOut(): Promise<Fault | null> {
  const ended = await change<null>('/v1/sign-out', null)
  if ('fault' in ended && !isSignedOut(ended.fault)) return ended.fault
  forgetViews()
  sessionBegun()
  return null
}
