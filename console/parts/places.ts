import { createContext } from 'preact'
import { useContext } from 'preact/hooks'

/** Where things are that a screen names: the fleet's console has screens that a gateway's own page has not. */
export type Places = {
  /** Whose page it is. */
  readonly of: 'fleet' | 'gateway'
  /** The screen of a campaign; null: there is none here. */
  readonly campaign: (id: string) => string | null
  /** Where an entry of a history stands, and what that is called. */
  readonly entry: (number: number) => { readonly href: string; readonly words: string }
  /** Where all that was said of a controller is to be found; null: nowhere here. */
  readonly entries: (site: string, controller: string) => string | null
}

const FLEET: Places = {
  of: 'fleet',
  campaign: id => `/campaigns/${encodeURIComponent(id)}`,
  entry: number => ({ href: `/audit?entry=${number}`, words: `entry ${number} of the audit log, with its proof` }),
  entries: (site, controller) => `/audit?${new URLSearchParams({ site, controller })}`,
}

const Context = createContext<Places>(FLEET)

export const PlacesProvider = Context.Provider
export const usePlaces = (): Places => useContext(Context)
