import type { ComponentType } from 'preact'

/** What a screen is given: the names in its address, and its query, which holds all of its state that a link should show. */
export type ScreenProps = {
  /** By the names in braces of its route. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Changes members of the query; null takes one away. The address changes, the page does not move. */
  readonly setQuery: (change: Readonly<Record<string, string | null>>) => void
}

/** The file of a screen: `console/screens/NAME.tsx`. */
export type ScreenFile = { readonly default: ComponentType<ScreenProps> }
