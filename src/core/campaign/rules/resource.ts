import { showEnergy, showPower } from '../../encoding/quantity.ts'
import type { Instant } from '../../encoding/units.ts'
import type { RedundancyGroup } from '../../fleet/redundancy.ts'
import type { SiteRules } from '../../fleet/site-rules.ts'
import type { Site, SiteController } from '../../fleet/topology.ts'
import { type Flow, flowOf, Loss } from './loss.ts'
import { knownAt, lastAt, type Readings } from './readings.ts'
import { type No, no } from './wait.ts'

/**
 * Something of which only so much may be taken at once: power, energy, controllers, members of a redundancy group. Who is
 * offline takes of it, until the controller itself shows that it is through.
 */
export type Resource = {
  readonly key: string
  readonly limit: number
  readonly taken: () => number
  /** What would be taken with one more. */
  readonly with: (id: string) => number
  readonly add: (id: string) => void
  /** Whether there is no room for one more. */
  readonly isFull: (id: string) => boolean
  /** What it takes when nobody else is offline. */
  readonly alone: (id: string) => number
  /** What to say to a controller that there is no room for. */
  readonly refuses: (id: string) => No
}

/** What a site has that resources are counted from. */
export type Stock = {
  readonly flow: Flow
  readonly of: ReadonlyMap<string, SiteController>
  readonly feeders: readonly string[]
}

/** Rules and whose they are, in words: `limits of the site`, `campaign spring`. */
export type RuleSet = { readonly by: string; readonly rules: SiteRules }

/** The resources that a set of rules limits at a site: `restarting`, and the budgets of the site and of each feeder. */
export function resourcesOf({ by, rules }: RuleSet, { flow, of, feeders }: Stock): Resource[] {
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
      const power = (id: string): number => of.get(id)?.power ?? 0
      const energy = (id: string): number => of.get(id)?.energy ?? 0
      if (watts !== undefined) out.push(loss(`${key} power`, watts, new Loss(flow, power), on, showPower, where))
      if (wattHours !== undefined)
        out.push(loss(`${key} energy`, wattHours, new Loss(flow, energy), on, showEnergy, where))
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
  const away = new Set<string>()
  return {
    key,
    limit,
    taken: () => away.size,
    with: id => away.size + (on(id) && !away.has(id) ? 1 : 0),
    add: id => {
      if (on(id)) away.add(id)
    },
    isFull: id => away.size + (on(id) && !away.has(id) ? 1 : 0) > limit,
    alone: id => (on(id) ? 1 : 0),
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
  sum: Loss,
  on: (id: string) => boolean,
  show: (value: number) => string,
  where: string,
): Resource {
  const after = (id: string): number => (on(id) ? sum.with(id) : sum.total)
  const alone = (id: string): number => (on(id) ? sum.cost(id) : 0)
  return {
    key,
    limit,
    taken: () => sum.total,
    with: after,
    add: id => {
      if (on(id)) sum.add(id)
    },
    isFull: id => after(id) > limit,
    alone,
    refuses: id => {
      const [taken, more, most] = [sum.total, after(id) - sum.total, limit].map(show) as [string, string, string]
      const because =
        alone(id) > limit
          ? `it takes ${show(alone(id))} away, and at most ${most} may be missing ${where}: it never goes under these rules`
          : `${taken} may be missing already and it would take ${more} more, at most ${most} may be ${where}`
      return no('budget', key, because, { value: taken, threshold: `at most ${most}` })
    },
  }
}

/**
 * The members of a redundancy group that may be out of service. Out is who is offline, who is behind somebody offline, and
 * whom the plant's readings do not show in service.
 */
export function groupResource(
  { id: group, members, needed, maxAgeMillis }: RedundancyGroup,
  flow: Flow,
  readings: Readings,
  now: Instant,
): Resource {
  const out = new Map<string, string>()
  for (const member of members) {
    const reason = notInService(member, maxAgeMillis, readings, now)
    if (reason !== null) out.set(member, reason)
  }
  const unwell = new Set(out.keys())
  const isMember = new Set(members)
  /** Whom it takes out that one goes: itself and those behind it, as far as they are members. */
  const takes = (id: string): string[] => [id, ...(flow.below.get(id) ?? [])].filter(one => isMember.has(one))
  const more = (id: string): string[] => takes(id).filter(member => !out.has(member))
  return {
    key: `group ${group}`,
    limit: members.length - needed,
    taken: () => out.size,
    with: id => out.size + more(id).length,
    add: id => {
      for (const member of takes(id)) out.set(member, 'away')
    },
    // Who takes nobody more out of service makes nothing worse, however the group is.
    isFull: id => more(id).length > 0 && out.size + more(id).length > members.length - needed,
    alone: id => unwell.size + takes(id).filter(member => !unwell.has(member)).length,
    refuses: id => {
      const left = members.length - out.size - more(id).length
      const missing = [...out].map(([member, reason]) => `${member} (${reason})`)
      const are = missing.length === 1 ? 'is' : 'are'
      const beside = missing.length === 0 ? '' : `${someOf(missing)} ${are} missing from it, and `
      const because = `group ${group} needs ${needed} of ${members.length} in service: ${beside}with it ${left} would be left`
      const value = `${members.length - out.size} in service`
      return no('redundancy', group, because, { value, threshold: `at least ${needed}` })
    },
  }
}

/** Why a member is not in service; null: it is. What last was out of service is out until the plant says otherwise. */
function notInService(
  member: string,
  maxAge: RedundancyGroup['maxAgeMillis'],
  readings: Readings,
  now: Instant,
): string | null {
  if (lastAt(readings, 'in-service', member)?.value === false) return 'out of service'
  if (maxAge === undefined) return null
  return 'value' in knownAt(readings, 'in-service', member, maxAge, now) ? null : 'not known to be in service'
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
  const of = new Map(site.controllers.map(one => [one.id, one]))
  const stock = { flow, of, feeders: [...feeders].sort() }
  stocks.set(site, stock)
  return stock
}
