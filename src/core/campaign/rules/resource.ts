import { showEnergy, showPower } from '../../encoding/quantity.ts'
import type { Instant, Millis } from '../../encoding/units.ts'
import { DEFAULT_AGE, type RedundancyGroup } from '../../fleet/redundancy.ts'
import type { SiteRules } from '../../fleet/site-rules.ts'
import type { Site } from '../../fleet/topology.ts'
import type { Standing } from '../outcome.ts'
import { costsOf, type Flow, flowOf, Loss } from './loss.ts'
import { isOutOfService, knownAt, type Readings } from './readings.ts'
import { type No, no } from './wait.ts'

/**
 * Something of which only so much may be taken at once: power, energy, controllers, members of a redundancy group. Who is
 * offline takes of it, until the controller itself shows that it is through; and of a budget also who is out of service for
 * another reason (`lack`).
 */
export type Resource = {
  readonly key: string
  readonly limit: number
  readonly taken: () => number
  /** What would be taken with one more. */
  readonly with: (id: string) => number
  readonly add: (id: string) => void
  /** This one is missing by itself: nobody who is through makes room for it. `sure`: it is known to be so now. */
  readonly lack: (id: string, sure: boolean) => void
  /** Whether there is no room for one more. */
  readonly isFull: (id: string) => boolean
  /** What would be taken when nobody else is offline, beside what is missing by itself. */
  readonly alone: (id: string) => number
  /** What to say to a controller that there is no room for. */
  readonly refuses: (id: string) => No
}

/** What a site has that resources are counted from. */
export type Stock = {
  readonly flow: Flow
  /** What each controller costs by itself, on one feeder or (null) at the site. */
  readonly costs: (amount: 'power' | 'energy', feeder: string | null) => (id: string) => number
  readonly feeders: readonly string[]
}

/** Rules and whose they are, in words: `limits of the site`, `campaign spring`. */
export type RuleSet = { readonly by: string; readonly rules: SiteRules }

/** The resources that a set of rules limits at a site: `restarting`, and the budgets of the site and of each feeder. */
export function resourcesOf({ by, rules }: RuleSet, { flow, costs, feeders }: Stock): Resource[] {
  const out: Resource[] = []
  if (rules.restarting !== null) {
    out.push(count('restarting', `restarting (${by})`, rules.restarting, () => true, `restart at once (${by})`))
  }
  for (const [index, budget] of rules.budgets.entries()) {
    if (budget.per !== 'site' && budget.per !== 'feeder') continue
    for (const feeder of budget.per === 'site' ? [null] : feeders) {
      const on = (id: string): boolean => feeder === null || flow.feeder.get(id) === feeder
      const where = `${feeder === null ? 'of the site' : `on feeder ${feeder}`} (${by})`
      const key = `budget ${index + 1} ${where}`
      const { watts, wattHours, controllers } = budget
      if (controllers !== undefined) {
        out.push(count('budget', `${key} controllers`, controllers, on, `be away at once ${where}`))
      }
      const sums = (costs: (id: string) => number) => [1, 2, 3].map(() => new Loss(flow, costs)) as [Loss, Loss, Loss]
      const [power, energy] = [sums(costs('power', feeder)), sums(costs('energy', feeder))]
      if (watts !== undefined) out.push(loss(`${key} power`, watts, power, showPower, where))
      if (wattHours !== undefined) out.push(loss(`${key} energy`, wattHours, energy, showEnergy, where))
    }
  }
  return out
}

function count(
  rule: 'restarting' | 'budget',
  key: string,
  limit: number,
  on: (id: string) => boolean,
  may: string,
): Resource {
  const [away, lacking, sure] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const takes = (id: string): boolean => on(id) && !away.has(id)
  return {
    key,
    limit,
    taken: () => away.size,
    with: id => away.size + (takes(id) ? 1 : 0),
    add: id => {
      if (on(id)) away.add(id)
    },
    lack: (id, isSure) => {
      // One that is out of service restarts nothing: it is missing from budgets alone.
      if (rule === 'restarting' || !on(id)) return
      for (const set of isSure ? [away, lacking, sure] : [away, lacking]) set.add(id)
    },
    // Where the plant itself lacks more than may be missing, those may go who take nothing more.
    isFull: id => away.size + (takes(id) ? 1 : 0) > Math.max(limit, sure.size),
    alone: id => lacking.size + (on(id) && !lacking.has(id) ? 1 : 0),
    refuses: () => {
      const are = away.size === 1 ? 'is' : 'are'
      const because = `${someOf([...away])} ${are} away already, at most ${limit} may ${may}`
      return no(rule, key, because, { value: String(away.size), threshold: `at most ${limit}` })
    },
  }
}

function loss(
  key: string,
  limit: number,
  [sum, lacking, sure]: readonly [sum: Loss, lacking: Loss, sure: Loss],
  show: (value: number) => string,
  where: string,
): Resource {
  // By what it takes and not by the feeder that it stands on: it may carry what is behind it on another one.
  const on = (id: string): boolean => sum.cost(id) > 0
  const after = (id: string): number => (on(id) ? sum.with(id) : sum.total)
  return {
    key,
    limit,
    taken: () => sum.total,
    with: after,
    add: id => {
      if (on(id)) sum.add(id)
    },
    lack: (id, isSure) => {
      if (on(id)) for (const one of isSure ? [sum, lacking, sure] : [sum, lacking]) one.add(id)
    },
    isFull: id => after(id) > Math.max(limit, sure.total),
    alone: id => (on(id) ? lacking.with(id) : lacking.total),
    refuses: id => {
      const [taken, more, most] = [sum.total, after(id) - sum.total, limit].map(show) as [string, string, string]
      const because =
        sum.cost(id) > limit
          ? `it takes ${show(sum.cost(id))} away, and at most ${most} may be missing ${where}: it never goes under these rules`
          : `${taken} may be missing already and it would take ${more} more, at most ${most} may be ${where}`
      return no('budget', key, because, { value: taken, threshold: `at most ${most}` })
    },
  }
}

/** What is known of who is in service: by the plant's readings, and by what each controller last said itself. */
export type Known = {
  readonly readings: Readings
  readonly standings: ReadonlyMap<string, Standing>
  readonly clock: Instant
}

/**
 * The members of a redundancy group that may be out of service. Out is who is offline, who is behind somebody offline, and
 * who is not known to be in service.
 */
export function groupResource(redundancy: RedundancyGroup, flow: Flow, known: Known): Resource {
  const { id: group, members, needed } = redundancy
  const out = new Map<string, string>()
  /** Who is out without any doubt: it may go whatever the group is like. */
  const sure = new Set<string>()
  const age = redundancy.metered ? redundancy.maxAgeMillis : DEFAULT_AGE
  for (const member of members) {
    const reason = notInService(member, redundancy, known)
    if (reason !== null) out.set(member, reason)
    if (isSurelyMissing(member, age, known)) sure.add(member)
  }
  const unwell = new Set(out.keys())
  const isMember = new Set(members)
  /** Whom it takes out that one goes: itself and those behind it, as far as they are members. */
  const takes = (id: string): string[] => [id, ...(flow.below.get(id) ?? [])].filter(one => isMember.has(one))
  const beside = (id: string, others: Iterable<string>): number => new Set([...others, ...takes(id)]).size
  return {
    key: `group ${group}`,
    limit: members.length - needed,
    taken: () => out.size,
    with: id => beside(id, out.keys()),
    add: id => {
      for (const member of takes(id)) {
        out.set(member, 'away')
        sure.add(member)
      }
    },
    // Those were counted when it was made.
    lack: () => {},
    // Who takes nobody more out of service makes nothing worse. One of which nothing is known may be in service.
    isFull: id => takes(id).some(member => !sure.has(member)) && beside(id, out.keys()) > members.length - needed,
    alone: id => beside(id, unwell),
    refuses: id => {
      const left = members.length - beside(id, out.keys())
      const missing = [...out].map(([member, reason]) => `${member} (${reason})`)
      const are = missing.length === 1 ? 'is' : 'are'
      const before = missing.length === 0 ? '' : `${someOf(missing)} ${are} missing from it, and `
      const because = `group ${group} needs ${needed} of ${members.length} in service: ${before}with it ${left} would be left`
      const value = `${members.length - out.size} in service`
      return no('redundancy', group, because, { value, threshold: `at least ${needed}` })
    },
  }
}

/** Whether a controller is out of service for all that is known: the plant last said so, or it runs its rescue image. */
export const isMissing = (id: string, { readings, standings }: Known): boolean =>
  isOutOfService(readings, id) || standings.get(id) === 'golden'

/** Whether that is known for now: a reading that says so is no older than it may be. An old one may be over. */
export function isSurelyMissing(id: string, age: Millis, { readings, standings, clock }: Known): boolean {
  if (standings.get(id) === 'golden') return true
  const known = knownAt(readings, 'in-service', id, age, clock)
  return 'value' in known && known.value === false
}

/** Why a member is not in service; null: it is. What is not known to be in service is not. */
function notInService(member: string, group: RedundancyGroup, known: Known): string | null {
  const { readings, standings, clock } = known
  if (isOutOfService(readings, member)) return 'out of service'
  if (standings.get(member) === 'golden') return 'in its rescue image'
  if (!group.metered) return standings.has(member) ? null : 'has never reported'
  return 'value' in knownAt(readings, 'in-service', member, group.maxAgeMillis, clock)
    ? null
    : 'not known to be in service'
}

/** `bms-1, bms-2, bms-3 and 4 more`. */
function someOf(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return `${names.slice(0, 3).join(', ')}${more}`
}

const stocks = new WeakMap<object, Stock>()

/** A site's stock, from its description: worked out once for each. */
export function stockOf(site: Pick<Site, 'controllers'>): Stock {
  const known = stocks.get(site)
  if (known !== undefined) return known
  const flow = flowOf(site)
  const feeders = new Set([...flow.feeder.values()].filter(feeder => feeder !== null))
  const made = new Map<string, (id: string) => number>()
  const costs: Stock['costs'] = (amount, feeder) => {
    const key = `${amount} ${feeder ?? ''}`
    const on = (id: string): boolean => feeder === null || flow.feeder.get(id) === feeder
    const before = made.get(key) ?? costsOf(site, amount, on)
    made.set(key, before)
    return before
  }
  const stock = { flow, costs, feeders: [...feeders].sort() }
  stocks.set(site, stock)
  return stock
}
