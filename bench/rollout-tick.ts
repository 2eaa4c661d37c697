import { checkPlan, type PlanBody, planBytes } from '../src/core/campaign/plan.ts'
import { decide } from '../src/core/campaign/rollout.ts'
import { createRollout, type Rollout, tally, writeRollout } from '../src/core/campaign/rollout-state.ts'
import { rolloutTerms } from '../src/core/campaign/rollout-terms.ts'
import { newTurn, type Seat, type Turn } from '../src/core/campaign/turn.ts'
import { instant, millis } from '../src/core/encoding/units.ts'
import type { Version } from '../src/core/firmware/version.ts'
import { NO_RULES } from '../src/core/fleet/site-rules.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { Advance, tick } from '../src/flows/campaign.ts'
import { openCampaign } from '../src/flows/opened.ts'
import { rowOf, turnOf } from '../src/flows/turns.ts'
import { QuietFleet } from '../tests/worlds/quiet-fleet.ts'
import { type Figure, median, plainLine, RUNS, ratioLine } from './figure.ts'

const CAMPAIGNS = { full: [10_000, 100_000, 1_000_000], tiny: [2000] } as const
const AT_SITE = 100
const REGIONS = 10
/** Controllers that are out at once, and that report between two ticks. */
const OUT = 1000
const DAY = 86_400_000

/**
 * A rollout that moves on: 1,000 controllers confirm, handed over by their sites' gateways, and the tick behind it orders the
 * next 1,000. Campaigns of 10 thousand to a million controllers at sites of 100, in the store as it is in use, with the
 * director's bundles signed and the entries sealed. The reports' own signatures are not in it: they are the check-in's.
 *
 * Against the same at the smallest campaign, taken in turn: what a larger campaign costs on top. Processor time of the
 * thread that does it.
 *
 * What bounds it: a row written for each turn and each order, an entry sealed for each thing that happened.
 */
export const rolloutTick: Figure = {
  name: 'rollout-tick',
  title: '1,000 controllers report, and a tick orders the next 1,000',
  against: `the same in a campaign of ${CAMPAIGNS.full[0].toLocaleString('en')} controllers`,
  async run(run) {
    const worlds: Moving[] = []
    try {
      for (const controllers of CAMPAIGNS[run.scale]) {
        run.say(`a campaign of ${controllers} controllers`)
        worlds.push(await Moving.make(controllers))
      }
      const times = worlds.map(() => [] as { reports: number; tick: number }[])
      for (let round = 0; round < RUNS[run.scale]; round += 1) {
        run.say(`run ${round + 1}`)
        for (const [index, world] of worlds.entries()) times[index]!.push(await world.round())
      }
      const lines = worlds.flatMap(({ controllers }, index) => {
        const what = `${controllers.toLocaleString('en')} controllers`
        const against = (part: 'reports' | 'tick') =>
          ratioLine(
            `${what}: ${part === 'tick' ? 'the tick' : '1,000 reports'}`,
            'ms',
            times[index]!.map((one, at) => ({ measured: one[part], yardstick: times[0]![at]![part] })),
            null,
          )
        return [against('reports'), against('tick')]
      })
      const loads = worlds.map(({ controllers, loaded }) =>
        plainLine(`${controllers.toLocaleString('en')} turns written`, 'ms', [loaded]),
      )
      const slope = (part: 'reports' | 'tick'): string => {
        const [first, last] = [times[0]!, times.at(-1)!].map(all => median(all.map(one => one[part]))) as [
          number,
          number,
        ]
        const [from, to] = [worlds[0]!.controllers, worlds.at(-1)!.controllers]
        return from === to ? 'none' : (Math.log(last / first) / Math.log(to / from)).toFixed(3)
      }
      const bounds = [`Growth as a power of the campaign's size: reports ${slope('reports')}, tick ${slope('tick')}.`]
      return { lines: [...lines, ...loads], bounds }
    } finally {
      for (const world of worlds) world.close()
    }
  },
}

/** A campaign in its one wave, with 1,000 controllers out and the others waiting for room. */
class Moving {
  readonly controllers: number
  /** Milliseconds that its turns took to write. */
  readonly loaded: number
  readonly #fleet: QuietFleet
  #report = 0

  private constructor(fleet: QuietFleet, controllers: number, loaded: number) {
    this.#fleet = fleet
    this.controllers = controllers
    this.loaded = loaded
  }

  static async make(controllers: number): Promise<Moving> {
    const fleet = await QuietFleet.make()
    const sites = controllers / AT_SITE
    const nameOf = (site: number): string => `s${String(site).padStart(6, '0')}`
    // The sites that the rounds come to; of the others nothing but the turns is looked at.
    for (let site = 0; site < Math.min(sites, 8 * REGIONS); site += 1) {
      await fleet.site(nameOf(site), AT_SITE, { region: `r${site % REGIONS}` })
    }
    const plan = orThrow(checkPlan(bodyOf(controllers, sites, fleet.clock.now()), 'the plan'))
    const terms = rolloutTerms(plan)
    const row = { id: plan.id, plan: planBytes(plan), state: writeRollout(approved(terms)), open: true }
    await fleet.world.store.commit({ campaigns: [row] })
    const started = process.hrtime.bigint()
    for (let site = 0; site < sites; ) {
      const turns: Turn[] = []
      for (; turns.length < 20_000 && site < sites; site += 1) {
        for (let at = 0; at < AT_SITE; at += 1) {
          const seat: Seat = {
            site: nameOf(site),
            controller: `c${at}`,
            region: `r${site % REGIONS}`,
            wave: 0,
            ...REST,
          }
          turns.push(newTurn(seat, plan.createdAt))
        }
      }
      await fleet.world.store.commit({ turns: turns.map(turn => rowOf(plan.id, turn)) })
    }
    const moving = new Moving(fleet, controllers, Number(process.hrtime.bigint() - started) / 1e6)
    await moving.#tell({ kind: 'start', now: fleet.clock.now() })
    return moving
  }

  /** The 1,000 that are out confirm, site by site, and a tick goes on. Milliseconds of each. */
  async round(): Promise<{ reports: number; tick: number }> {
    const { world, clock } = this.#fleet
    const out = new Map<string, Turn[]>()
    for (const { region } of await world.store.turns.load()) {
      for (let site = Number(region.slice(1)); site < 8 * REGIONS; site += REGIONS) {
        const id = `s${String(site).padStart(6, '0')}`
        const turns = (await world.store.turns.ordered(id)).map(turnOf)
        if (turns.length > 0) out.set(id, turns)
      }
    }
    const ready = [...out.values()].flat().length
    if (ready !== OUT) throw new Error(`${ready} controllers are out`)
    const began = busy()
    for (const turns of out.values()) {
      await world.store.exclusive(async () => {
        const advance = new Advance(world)
        for (const { site, controller } of turns) {
          this.#report += 1
          const opened = orThrow(await advance.opened('bench'))
          const of = { site, controller, report: this.#report }
          const event = { kind: 'outcome', now: clock.now(), ...of, result: 'confirmed' } as const
          orThrow(await advance.step(opened, event, { kind: 'controller', id: `${site}/${controller}` }))
        }
        await advance.commit()
      })
    }
    const reported = busy()
    clock.advance(1000)
    const refusal = await tick(world)
    if (refusal !== null) throw new Error(refusal.code)
    const ticked = busy()
    const { assigned } = tally(orThrow(await openCampaign(world, 'bench')).rollout)
    if (assigned !== OUT) throw new Error(`${assigned} controllers are ordered`)
    return { reports: reported - began, tick: ticked - reported }
  }

  async #tell(event: Parameters<Advance['step']>[1]): Promise<void> {
    const { world } = this.#fleet
    await world.store.exclusive(async () => {
      const advance = new Advance(world)
      orThrow(await advance.step(orThrow(await openCampaign(world, 'bench')), event, { kind: 'person', id: 'bench' }))
      await advance.commit()
    })
  }

  close(): void {
    this.#fleet.close()
  }
}

/** Milliseconds of processor time that this thread has had. */
function busy(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const REST = { steps: [{ release: 0, order: 0 }], watts: 1_000_000, wattHours: 0 } as const

function approved(terms: ReturnType<typeof rolloutTerms>): Rollout {
  const head = createRollout(terms)
  const seen = {
    turns: new Map(),
    due: [],
    next: [],
    sites: new Map(),
    rivals: new Map(),
    held: new Set<string>(),
    staged: new Set<string>(),
    gone: new Map<string, string>(),
  }
  const out = { fleet: { controllers: 0, watts: 0, wattHours: 0 }, regions: new Map() }
  return orThrow(decide(terms, head, { kind: 'approve', now: terms.createdAt }, { ...seen, load: out, limits: [] }))
    .next
}

function bodyOf(controllers: number, sites: number, now: number): PlanBody {
  return {
    kind: 'voltseal-plan',
    v: 2,
    id: 'bench',
    title: 'Bench',
    criticality: 'security',
    createdAt: instant(now),
    createdBy: 'bench',
    notAfter: instant(now + 90 * DAY),
    priority: 50,
    releases: [
      {
        path: 'bms/2.0.0.suit',
        sha256: 'ab'.repeat(32),
        length: 900,
        class: 'bms',
        version: '2.0.0' as Version,
        counter: 1,
        criticality: 'security',
      },
    ],
    waves: [
      { name: 'all', soakMillis: millis(1000), gate: { minSuccessPercent: 90, maxFailures: controllers }, controllers },
    ],
    timeoutMillis: millis(DAY),
    retry: { retries: 1, backOffMillis: millis(0), maxBackOffMillis: millis(0) },
    abort: { maxFailures: controllers, maxFailurePercent: 100 },
    rules: { ...NO_RULES, budgets: [{ per: 'fleet', controllers: OUT }] },
    membership: 'fixed',
    sheets: { sites, controllers, root: 'ab'.repeat(32) },
  }
}
