import type { Site } from '../../../src/core/fleet/topology.ts'
import { isRefusal, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'
import type { Clock } from '../../../src/flows/ports.ts'
import { ConnectedController } from './connected-controller.ts'
import type { Watcher } from './events.ts'
import { readFaults } from './faults.ts'
import { readIssued, readMade, siteFiles } from './folder.ts'
import { assemble } from './make.ts'
import { SiteNotes } from './notes.ts'

/** A simulated site that runs. `ended` resolves when it was stopped and everything is closed, and rejects for a bug. */
export type ServedSite = {
  readonly site: Site
  /** Lets somebody with a debug probe at a controller; false when the site has none of that id. */
  attack(controller: string): boolean
  readonly ended: Promise<void>
}

/**
 * Runs every controller of a site until `stop` is aborted, but for those that are `asleep`: they have no power. Everything that a controller knows is in its flash, in its
 * secure element and in the notes: the process may be killed at any moment. `rate`: how many times as fast as time the clock is.
 *
 * Refuses `gateway-not-enrolled` (also for a controller without a certificate), `config-malformed`, and
 * `data-folder-in-use` and the like.
 */
export function serveSite(
  folder: string,
  clock: Clock,
  watch: Watcher,
  stop: AbortSignal,
  asleep: readonly string[] = [],
  rate = (): number => 1,
): ServedSite | Refusal {
  const made = readMade(folder)
  if (isRefusal(made)) return made
  const issued = readIssued(folder)
  if (isRefusal(issued)) return issued
  const faults = readFaults(folder)
  if (isRefusal(faults)) return faults
  const missing = made.site.controllers.find(({ id }) => issued.controllers[id] === undefined)
  if (missing !== undefined) {
    return refuse('gateway-not-enrolled', folder, `a certificate for ${missing.id} in issued.json`, 'none')
  }
  const notes = SiteNotes.open(siteFiles(folder).notes)
  if (isRefusal(notes)) return notes
  const connected = new Map<string, ConnectedController>()
  const boards = made.site.controllers.map(placed => {
    const controller = assemble(made, placed, folder, clock)
    controller.application = faults.applicationOf(placed.id)
    const { cert } = issued.controllers[placed.id] as { cert: string }
    const gateway = { url: issued.gateway.url, ca: issued.siteCa, cert }
    const parts = { site: made.site.site, controller, gateway, clock, rate, notes, cuts: faults.cuts, watch, stop }
    connected.set(placed.id, new ConnectedController(parts))
    return controller
  })
  const close = (): void => {
    for (const board of boards) board.flash.close()
    notes.close()
  }
  return {
    site: made.site,
    attack: id => {
      const target = connected.get(id)
      target?.attack()
      return target !== undefined
    },
    ended: Promise.all(
      [...connected.values()].filter(({ id }) => !asleep.includes(id)).map(controller => controller.run()),
    ).then(close),
  }
}
