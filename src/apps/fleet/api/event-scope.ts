import { FLEET, mayDo } from '../../../core/fleet/roles.ts'
import type { AuditEntry } from '../../../core/ledger/entry.ts'
import type { Who } from '../../../flows/admit.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import { isSeen } from '../campaign-views.ts'
import { siteFilter } from '../places.ts'

/** What of the log somebody may see as it happens. */
export type EventScope = {
  site(id: string): Promise<boolean>
  campaign(id: string): Promise<boolean>
  entry(entry: AuditEntry): Promise<boolean>
}

/**
 * Who may read the log sees all of it. Others see what concerns their sites: entries of a site, and those of campaigns that
 * have one of them. What concerns the fleet as a whole (accounts, keys, refused attempts) is for who may read the log.
 */
export function eventScope(world: FleetWorld, who: Who): EventScope {
  const all = mayDo(who, 'read-audit', FLEET) === null
  const everywhere = mayDo(who, 'read-campaigns', FLEET) === null
  const seen = siteFilter(world, who, 'read-campaigns')
  const known = new Map<string, boolean>()

  const campaign = async (id: string): Promise<boolean> => {
    if (all || everywhere) return true
    const before = known.get(id)
    if (before !== undefined) return before
    const concerns = await isSeen(world, id, seen)
    known.set(id, concerns)
    return concerns
  }

  return {
    site: async id => all || seen.at(id),
    campaign,
    entry: async entry => {
      if (all) return true
      if (entry.site !== undefined) return seen.at(entry.site)
      return entry.campaign !== undefined && (await campaign(entry.campaign))
    },
  }
}
