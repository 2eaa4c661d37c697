import type { GatewayStore } from './ports.ts'

/**
 * Regular reports that wait at a gateway for the fleet, beside the outbox: the newest of each controller, and when some were
 * handed over last. They are kept in memory: a gateway that starts anew has forgotten them, and the next ones come.
 */
type Waiting = { readonly reports: Map<string, Uint8Array>; handed: number | null }

const waiting = new WeakMap<GatewayStore, Waiting>()

function waitingAt(store: GatewayStore): Waiting {
  const known = waiting.get(store) ?? { reports: new Map(), handed: null }
  waiting.set(store, known)
  return known
}

/**
 * Milliseconds between two times that a gateway hands regular reports over: what comes in between goes together, and of a
 * controller the newest. So what they cost the link and the fleet does not grow with how often controllers report.
 */
const GATHER = 300_000

/** Keeps a regular report in place of the controller's one before. */
export function keepRoutine(store: GatewayStore, controller: string, bytes: Uint8Array): void {
  waitingAt(store).reports.set(controller, bytes)
}

/** A report of an event tells what the regular one before it told, and more. */
export function dropRoutine(store: GatewayStore, controller: string): void {
  waitingAt(store).reports.delete(controller)
}

/** The regular reports that may be handed over now, by controller; none before their time. `now`: by a clock that nobody sets. */
export function routineDue(store: GatewayStore, now: number): ReadonlyMap<string, Uint8Array> {
  const { reports, handed } = waitingAt(store)
  return handed !== null && now - handed < GATHER ? new Map() : new Map(reports)
}

/** These were taken by the fleet; what came in the meantime still waits. */
export function routineHanded(store: GatewayStore, taken: ReadonlyMap<string, Uint8Array>, now: number): void {
  const known = waitingAt(store)
  known.handed = now
  for (const [controller, bytes] of taken) {
    if (known.reports.get(controller) === bytes) known.reports.delete(controller)
  }
}
