import type { CommandName } from '../core/campaign/commands.ts'
import { byRank } from '../core/campaign/priority.ts'
import { decide } from '../core/campaign/rollout.ts'
import { wayBack } from '../core/campaign/rollout-plan.ts'
import {
  type Decision,
  isOpen,
  type Rollout,
  type RolloutEvent,
  tally,
  writeRollout,
} from '../core/campaign/rollout-state.ts'
import type { Turn } from '../core/campaign/turn.ts'
import type { Instant } from '../core/encoding/units.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import { type Event, record } from './audit.ts'
import { directSites, ordersFor } from './direct.ts'
import { about, fleetActor, type Opened, openCampaign, openRow } from './opened.ts'
import { type By, person } from './persons.ts'
import type { FleetChange, FleetWorld } from './ports.ts'
import { orderedRelease, Turns, turnOf } from './turns.ts'
import { encryptedRelease, refuseUnwrappable, type Wanted } from './wrap.ts'

/** The version that a controller attested last (empty: none), as the store has it or the same transaction is about to store it. */
export type VersionOf = (site: string, id: string) => Promise<string>

/**
 * Decisions on their way to one commit: each is shown the turns that it is about, sees what those before it changed, and
 * leaves its entries in `events`. Only the campaigns and turns that events touch are read.
 */
export class Advance {
  readonly events: Event[]
  readonly turns: Turns
  readonly #world: FleetWorld
  readonly #heads = new Map<string, { readonly opened: Opened; readonly next: Rollout }>()
  /** Campaigns that a tick at once would go on with. */
  readonly more = new Set<string>()

  constructor(world: FleetWorld, events: Event[] = []) {
    this.#world = world
    this.events = events
    this.turns = new Turns(world)
  }

  /** A campaign as the decisions so far have left it. Refuses as `openCampaign`. */
  async opened(id: string): Promise<Opened | Refusal> {
    const step = this.#heads.get(id)
    return step === undefined ? openCampaign(this.#world, id) : { ...step.opened, rollout: step.next }
  }

  /**
   * Decides about an event and takes the decision in. `versionOf`: what the entries say of the controllers that are given an order.
   * Refuses as `decide`, with nothing taken in.
   */
  async step(opened: Opened, event: RolloutEvent, actor: Actor, versionOf?: VersionOf): Promise<Decision | Refusal> {
    const seen = await this.turns.see(opened, event)
    const decision = decide(opened.terms, opened.rollout, event, seen)
    if (isRefusal(decision)) return decision
    if (decision.next === opened.rollout && decision.turns.length === 0) return decision
    this.turns.take(opened, decision, seen, event.kind === 'outcome')
    const first = this.#heads.get(opened.plan.id)?.opened ?? opened
    this.#heads.set(opened.plan.id, { opened: first, next: decision.next })
    if (decision.more) this.more.add(opened.plan.id)
    this.events.push(...(await this.#notes(opened, decision, actor, versionOf)))
    return decision
  }

  /** True when nothing was decided that is to be stored. */
  get idle(): boolean {
    return this.#heads.size === 0
  }

  /**
   * Makes the decisions durable: heads, turns, orders, the director's metadata of every site for which something else is
   * ordered now, and an entry for each thing that happened, in one transaction. If power fails before it, nothing was
   * decided, and nobody was told; after it, all of it stands, and a tick goes on.
   */
  async commit(change: FleetChange = {}): Promise<void> {
    const { clock } = this.#world
    const rows = [...this.#heads.values()].map(({ opened, next }) => {
      return { ...opened.row, state: writeRollout(next), open: isUnfinished(next) }
    })
    const sites = this.turns.sites()
    const heads = new Map([...this.#heads].map(([id, { opened, next }]) => [id, { ...opened, rollout: next }]))
    const { orders, wraps, patches, events } = await ordersFor(this.#world, sites, { turns: this.turns, heads })
    const directed = await directSites(this.#world, orders, clock.now())
    if (isRefusal(directed)) throw new RefusalError(directed)
    const turns = await this.turns.change(directed.versions)
    const files = [...(change.files ?? []), ...directed.files]
    const ended = [...(change.ended ?? []), ...(turns.ended ?? [])]
    const all = {
      ...change,
      ...turns,
      ...patches,
      ended,
      files,
      wraps,
      campaigns: [...(change.campaigns ?? []), ...rows],
    }
    await record(this.#world, all, [...this.events, ...directed.events, ...events])
  }

  /**
   * What a decision says to the log. Whoever caused it did all of it, but for the orders: those are the fleet's, and each
   * says what its controller attested when it was given (empty: nothing yet). That is for readers and decides nothing: the
   * report was verified when it was taken in, its own entry proves it, and a damaged row is not to hold up a whole fleet.
   */
  async #notes({ plan, terms }: Opened, { effects }: Decision, actor: Actor, versionOf?: VersionOf): Promise<Event[]> {
    const notes: Event[] = []
    for (const effect of effects) {
      if (effect.do === 'withdraw') continue
      if (effect.do === 'note') {
        notes.push({ ...about(plan), ...effect.of, kind: effect.kind, actor, detail: effect.detail })
        continue
      }
      for (const turn of effect.turns) {
        const { site, controller, wave } = turn
        const { path, sha256 } = plan.releases[orderedRelease(terms, turn) ?? 0]!
        const from = await (versionOf?.(site, controller) ?? this.#world.store.attestedVersion(site, controller))
        const assigned = { kind: 'controller-assigned', actor: fleetActor(this.#world), site, controller } as const
        const detail = { path, wave, from, ...(turn.at === 'returning' ? { back: true } : {}) }
        notes.push({ ...about(plan), ...assigned, release: sha256, detail })
      }
    }
    return notes
  }
}

/** True while time still has to pass for a campaign: it is open, or not all of its orders were taken back yet. */
export function isUnfinished(rollout: Rollout): boolean {
  if (isOpen(rollout)) return true
  const all = tally(rollout)
  return all.assigned + all.returning + all['backing-off'] + all.queued > 0
}

/**
 * Goes on at once with what one decision could not hold, a transaction for each thousand turns. Under the store's
 * `exclusive`. If power fails in between, what is left is done by the next tick. Refuses as `decide`.
 */
export async function goOn(
  world: FleetWorld,
  ids: Iterable<string>,
  { rounds = Number.POSITIVE_INFINITY, listeningSince = world.clock.now() } = {},
): Promise<null | Refusal> {
  for (const id of ids) {
    for (let round = 0, more = true; more && round < rounds; round += 1) {
      const opened = await openCampaign(world, id)
      if (isRefusal(opened)) return opened
      const advance = new Advance(world)
      const event = { kind: 'tick', now: world.clock.now(), listeningSince } as const
      const decision = await advance.step(opened, event, fleetActor(world))
      if (isRefusal(decision)) return decision
      if (advance.idle) break
      await advance.commit()
      more = decision.more
    }
  }
  return null
}

/** Turns that one look at the store reads. */
const PAGE = 5000

/**
 * The controllers of a campaign that get an encrypted release, with each that they may get: on their way, and back. Refuses
 * what `encryptedRelease` refuses.
 */
export async function wantedOf(world: FleetWorld, { plan, terms }: Opened): Promise<readonly Wanted[] | Refusal> {
  const encrypted = new Set<number>()
  for (const [index, envelope] of plan.releases.entries()) {
    const release = await encryptedRelease(world, envelope)
    if (isRefusal(release)) return release
    if (release !== null) encrypted.add(index)
  }
  const wanted: Wanted[] = []
  if (encrypted.size === 0) return wanted
  for (let after: Turn | null = null; ; ) {
    const rows = await world.store.turns.page(plan.id, after, PAGE)
    for (const turn of rows.map(turnOf)) {
      const { site, controller, steps } = turn
      const given = steps.flatMap(({ release }) => [release, wayBack(terms, release) ?? release])
      for (const release of new Set(given)) {
        if (encrypted.has(release)) wanted.push({ site, controller, envelope: plan.releases[release]! })
      }
      after = turn
    }
    if (rows.length < PAGE) return wanted
  }
}

/** What a person may tell a campaign. `partly`: roll back also where some controllers have no way back. */
export type Verb = CommandName

/**
 * What a person tells a campaign, all of it: decided (`decideCommand`), and gone on with (`followUp`). Durable on return, with
 * every order taken back that it takes back. Refuses as those two.
 */
export async function command(...asked: Parameters<typeof decideCommand>): Promise<null | Refusal> {
  const more = await decideCommand(...asked)
  return isRefusal(more) ? more : followUp(asked[0], more)
}

/** What one decision could not hold, in a turn of its own: it reads what was decided. Refuses as `goOn`. */
export const followUp = (world: FleetWorld, more: ReadonlySet<string>): Promise<null | Refusal> =>
  world.store.exclusive(() => goOn(world, more))

/**
 * What a person tells a campaign. Durable on return; answers the campaigns that `followUp` is to go on with. If power fails
 * between the two, the next tick does. Refuses `campaign-unknown`, `campaign-reason-missing`, and what `decide` and, of
 * a start, `refuseUnwrappable` refuse.
 */
export function decideCommand(
  world: FleetWorld,
  by: By,
  id: string,
  verb: Verb,
  reason: string | null,
  partly = false,
): Promise<ReadonlySet<string> | Refusal> {
  return world.store.exclusive(async () => {
    const opened = await openCampaign(world, id)
    if (isRefusal(opened)) return opened
    const wanted = verb === 'start' ? await wantedOf(world, opened) : []
    const unfit = isRefusal(wanted) ? wanted : await refuseUnwrappable(world, id, wanted)
    if (unfit !== null) return unfit
    const event = eventOf(opened, verb, world.clock.now(), reason, partly)
    if (isRefusal(event)) return event
    const advance = new Advance(world)
    const actor = person(by)
    const decision = await advance.step(opened, event, actor)
    if (isRefusal(decision)) return decision
    if (!advance.idle) await advance.commit()
    return advance.more
  })
}

function eventOf(
  { plan }: Opened,
  verb: Verb,
  now: Instant,
  reason: string | null,
  partly: boolean,
): RolloutEvent | Refusal {
  if (verb === 'start' || verb === 'resume' || verb === 'retry') return { kind: verb, now }
  const why = reason?.trim() ?? ''
  if (why === '') return refuse('campaign-reason-missing', `${verb} of ${plan.id}`, 'a reason', 'none')
  return verb === 'roll-back' ? { kind: verb, now, reason: why, partly } : { kind: verb, now, reason: why }
}

/** Decisions of a thousand turns each that one campaign gets in one tick; the others are not to wait for it. */
const ROUNDS = 8

/**
 * Lets time pass for every open campaign, the one of the highest rank first: orders go out, soaks end, gates are judged,
 * controllers time out. A campaign's step is a transaction of its own: if power fails between two, the next tick does what
 * is left. `listeningSince`: when this server began to listen. A controller's silence before that says nothing of it.
 */
export async function tick(world: FleetWorld, listeningSince?: Instant): Promise<null | Refusal> {
  const now = world.clock.now()
  const expiry = await world.store.turns.firstExpiry()
  // If power fails before this commit, they count until the next tick.
  if (expiry !== null && expiry <= now) await world.store.exclusive(() => world.store.commit({ expired: now }))
  const open: Opened[] = []
  for (const row of await world.store.openCampaigns()) {
    const opened = openRow(row)
    if (isRefusal(opened)) return opened
    open.push(opened)
  }
  open.sort((a, b) => byRank(a.terms, b.terms, now))
  for (const { plan } of open) {
    const refusal = await world.store.exclusive(() => tickOne(world, plan.id, listeningSince))
    if (refusal !== null) return refusal
  }
  return null
}

async function tickOne(world: FleetWorld, id: string, listeningSince: Instant | undefined): Promise<null | Refusal> {
  const opened = await openCampaign(world, id)
  if (isRefusal(opened)) return opened
  const listening = listeningSince === undefined ? {} : { listeningSince }
  const advance = new Advance(world)
  const event: RolloutEvent = { kind: 'tick', now: world.clock.now(), ...listening }
  const decision = await advance.step(opened, event, fleetActor(world))
  if (isRefusal(decision)) return decision
  if (advance.idle) return null
  await advance.commit()
  return goOn(world, advance.more, { rounds: ROUNDS, ...listening })
}

/**
 * A site has shown that it goes by a version of its director's targets, and that nobody is away any more by an order that
 * was taken back up to it. Those orders count no longer against the budgets of regions and fleet. Durable on return; writes
 * nothing when nothing waited for it.
 */
export async function siteShows(world: FleetWorld, site: string, version: number): Promise<void> {
  const awaited = await world.store.turns.awaited(site)
  if (awaited === null || version < awaited) return
  // If power fails before this commit, the site shows it again with its next check-in.
  await world.store.commit({ shown: { site, version } })
}
