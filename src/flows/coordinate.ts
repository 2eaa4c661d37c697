import { coordinate, type Grant, type Situation } from '../core/campaign/coordinator.ts'
import type { Reading } from '../core/campaign/rules/readings.ts'
import type { Wait } from '../core/campaign/rules/wait.ts'
import { campaignOf } from '../core/campaign/site-work.ts'
import type { Terms } from '../core/campaign/terms.ts'
import type { Point } from '../core/fleet/points.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { boxed, type Note } from './audit.ts'
import { refuseUntilCaughtUp } from './catch-up.ts'
import { versionsAt } from './compare.ts'
import { failuresAt } from './failures.ts'
import { plansHeld, stepsAt, termsAt } from './hold.ts'
import type { SiteWorld } from './ports.ts'
import { hasReasons, tellReasons } from './reason.ts'
import { assigned, needing, step, workOf } from './relay.ts'
import { standingsAt } from './state.ts'
import { siteTime } from './time.ts'
import { wallTime } from './wall-time.ts'
import { linkWaits } from './way.ts'

/** Who got a turn, and why the plant could not be read, if it could not, or why nobody gets one. */
export type Turns = { readonly granted: readonly string[]; readonly fault: Refusal | null }

/**
 * Gives turns to restart, as far as windows, the plant's live values, budgets and redundancy let it
 * (core/campaign/coordinator.ts). Goes by what the site holds, with the link down too. The turns, and the entries that tell
 * of them and of new reasons to wait, are durable on return, in one transaction. A plant that cannot be read holds back
 * who needs it, and nobody else: `fault` is then `conditions-not-read`. A gateway that was restored gives none before it has
 * caught up: `gateway-restored`.
 */
export async function giveTurns(world: SiteWorld): Promise<Turns> {
  // At every look, whether anybody waits or not: a jump of the clock must not pass unseen.
  await wallTime(world)
  const restored = await refuseUntilCaughtUp(world)
  if (restored !== null) return { granted: [], fault: restored }
  const waiting = (await world.store.controllers()).map(workOf).filter(({ at }) => at === 'staged')
  const link = await linkWaits(world, await needing(world))
  if (waiting.length === 0 && link.length === 0 && !hasReasons(world)) return { granted: [], fault: null }
  const campaigns = new Set(waiting.flatMap(work => campaignOf(work) ?? []))
  const read = await readPlant(world, termsAt(await plansHeld(world, campaigns), await siteTime(world)))
  const readings = isRefusal(read) ? [] : read
  const granted = await world.store.exclusive(() => decide(world, readings, link))
  return { granted, fault: isRefusal(read) ? read : null }
}

/** The points that the rules of those who wait ask for. Read before the decision takes its turn: a meter may be slow. */
async function readPlant(world: SiteWorld, terms: ReadonlyMap<string, Terms>): Promise<readonly Reading[] | Refusal> {
  const sets = [world.site.limits, ...[...terms.values()].map(({ rules }) => rules)]
  const points = new Set<Point>(sets.flatMap(({ permissives }) => permissives.map(({ point }) => point)))
  // Who is out of service counts in groups, and in what may be missing at once.
  if (world.site.groups.length > 0 || sets.some(({ budgets }) => budgets.length > 0)) points.add('in-service')
  return points.size === 0 || world.conditions === null ? [] : world.conditions.read([...points].sort())
}

async function decide(world: SiteWorld, readings: readonly Reading[], link: readonly Wait[]): Promise<string[]> {
  const rows = await world.store.controllers()
  const orders = new Map((await assigned(world)).map(one => [one.controller, one]))
  const work = new Map(rows.map(row => [row.id, workOf(row)]))
  const campaigns = new Set([...work.values()].flatMap(state => campaignOf(state) ?? []))
  const now = await siteTime(world)
  const { clock, doubts } = await wallTime(world)
  const held = await plansHeld(world, campaigns)
  const situation: Situation = {
    site: world.site,
    work,
    until: new Map([...orders].map(([id, { until }]) => [id, until])),
    terms: termsAt(held, now),
    steps: stepsAt(world, held, rows),
    versions: await versionsAt(world, rows, orders),
    failed: await failuresAt(world, held),
    standings: standingsAt(world, rows),
    readings,
    restarting: world.maxRestarting,
    now,
    clock,
    doubts,
  }
  const decision = coordinate(situation)
  const told = tellReasons(world, { ...decision, waits: [...decision.waits, ...link] }, clock)
  if (decision.grants.length === 0 && told.notes.length === 0) return []
  const latest = new Map(decision.grants.map(grant => [grant.controller, grant.latest]))
  const changed = rows.flatMap(row => {
    const ends = latest.get(row.id)
    return ends === undefined ? [] : [step(row, { kind: 'grant', at: clock, latest: ends })]
  })
  const notes = [
    ...decision.grants.map(grant => grantNote(grant, orders.get(grant.controller)?.envelope.sha256)),
    ...told.notes,
  ]
  // If power fails before this commit, nobody was told; the same is decided at the next start, by what then holds.
  await world.store.commit({ controllers: changed, outbox: notes.map(one => boxed(world, one)) })
  told.done()
  return decision.grants.map(({ controller }) => controller)
}

function grantNote({ controller, campaign, latest }: Grant, release: string | undefined): Note {
  const what = release === undefined ? {} : { release }
  return { kind: 'activation-granted', controller, campaign, ...what, detail: { latest } }
}
