import type { LinkEvent } from '../../../src/apps/agent/link/events.ts'
import type { Instant } from '../../../src/core/encoding/units.ts'

/** What happens to one controller of a simulated site, one line of JSON each on the standard output of `site.ts serve`. */
export type SiteEvent =
  | LinkEvent
  | {
      readonly event: 'boot'
      readonly cause: string
      readonly slot: string
      readonly version: string
      readonly trial: boolean
    }
  | { readonly event: 'halted'; readonly reason: string }
  | { readonly event: 'assigned'; readonly assignment: string; readonly version: string; readonly from: number }
  | { readonly event: 'staged'; readonly assignment: string; readonly version: string }
  | { readonly event: 'refused'; readonly assignment: string; readonly code: string; readonly detail: string }
  | { readonly event: 'activating'; readonly assignment: string }
  | { readonly event: 'confirmed'; readonly version: string; readonly slot: string; readonly counter: number }
  | { readonly event: 'reverted'; readonly cause: string; readonly version: string; readonly slot: string }
  | { readonly event: 'power-lost'; readonly where: string; readonly darkMillis: number }
  | {
      readonly event: 'attack'
      readonly attack: string
      readonly outcome: 'refused' | 'ran' | 'not-done'
      readonly detail: string
      readonly running: string
    }

export type StampedEvent = SiteEvent & { readonly at: Instant; readonly controller: string }

/** Takes events as they happen. */
export type Watcher = (event: StampedEvent) => void
