import type { LinkEvent } from './link/events.ts'

/** What happens to an agent: one line of JSON each on the standard output of `voltseal agent run`. */
export type AgentEvent =
  | LinkEvent
  | {
      readonly event: 'boot'
      readonly cause: string
      readonly slot: string
      readonly version: string
      readonly trial: boolean
      /** What was decided and why, where it was not simply what was confirmed or armed: fallback, golden, dropped, ... */
      readonly decision?: string
      readonly why?: string
      readonly problem?: string
    }
  | { readonly event: 'unprotected'; readonly detail: string }
  | { readonly event: 'halted'; readonly reason: string }
  | { readonly event: 'second-stage-ended'; readonly how: string }
  /** An area of flash that fails, and how; what can go on without it goes on. `during`: open, read or write. */
  | { readonly event: 'flash-failing'; readonly area: string; readonly during: string; readonly code: string }
  /** A file of the agent that cannot be written; what can go on without it goes on. */
  | { readonly event: 'not-written'; readonly file: string; readonly code: string }
  | { readonly event: 'serving'; readonly slot: string; readonly version: string; readonly stage: 'slot' | 'installed' }
  | { readonly event: 'application-started'; readonly version: string; readonly pid: number }
  | { readonly event: 'application-ended'; readonly how: string; readonly times: number }
  | { readonly event: 'application-refused'; readonly code: string; readonly detail: string }
  | { readonly event: 'assigned'; readonly assignment: string; readonly version: string; readonly from: number }
  | { readonly event: 'staged'; readonly assignment: string; readonly version: string }
  | { readonly event: 'refused'; readonly assignment: string; readonly code: string; readonly detail: string }
  | { readonly event: 'activating'; readonly assignment: string }
  | { readonly event: 'confirmed'; readonly version: string; readonly slot: string; readonly counter: number }
  | { readonly event: 'reverted'; readonly cause: string; readonly version: string }

/** Takes events as they happen. */
export type Note = (event: AgentEvent) => void

/** A watcher that prints each event with its time on its own line. */
export function printing(write: (line: string) => unknown, now: () => number): Note {
  return event => void write(`${JSON.stringify({ at: now(), ...event })}\n`)
}
