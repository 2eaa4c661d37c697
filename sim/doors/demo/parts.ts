import type { StampedEvent } from '../site/events.ts'
import type { Children } from './children.ts'
import type { Screen } from './screen.ts'
import type { Setting } from './setting.ts'

/** Where the demo's parts are, and what happens in them. */
export type StageParts = {
  readonly folder: string
  readonly host: string
  readonly port: number
  /** Where the console is shown to browsers on this machine; null: nowhere. */
  readonly console: { readonly url: string; readonly port: number } | null
  /** The same of the gateway's own page. */
  readonly page: { readonly url: string; readonly port: number } | null
  readonly children: Children
  readonly screen: Screen
  readonly setting: Setting
  /** Free ports for the plant and for the weak link. */
  readonly plantPort: number
  readonly linkPort: number
  onEvent(event: StampedEvent): void
}
