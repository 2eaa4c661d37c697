import { plainText } from '../encoding/plain-text.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { sentence } from '../refusal/refusal.ts'
import type { Draft, DraftPlace } from './draft.ts'
import type { Turn } from './draft-site.ts'
import { nextOpenings } from './draft-times.ts'
import { forecast, type PlannedWave, stretchesOf } from './forecast.ts'
import type { PlanHead } from './plan.ts'
import { wallText } from './rules/wall-clock.ts'

/** What a plan would do, for people to read before they keep it. `src/wire/plan-views.ts` says the same as a schema. */
export type Preview = Outline & {
  readonly sites: readonly PreviewSite[]
  /** Behind these come more sites of the plan. */
  readonly more: boolean
}

/**
 * What a plan comes to, however large it is. `changes`: what becomes of what, the most first; `otherChanges` are not among them.
 * `refused`: who matched and is passed over, by rule. `planned`: when the waves would be if the campaign began as early as it may.
 */
export type Outline = {
  readonly waves: readonly PreviewWave[]
  readonly changes: readonly PreviewChange[]
  readonly otherChanges: number
  readonly refused: readonly PreviewRefusal[]
  readonly planned: readonly PlannedWave[]
}

/** So many controllers of a class that run `from` come to `to`, by `via` on their way. */
export type PreviewChange = {
  readonly class: string
  readonly from: string
  readonly to: string
  readonly via: readonly string[]
  readonly controllers: number
}

/** So many controllers are passed over by a rule; `why` is what is said of the first of them. */
export type PreviewRefusal = { readonly code: string; readonly controllers: number; readonly why: string }

/**
 * `watts`: what the plant misses if the whole wave were offline at once. `wattsAtOnce`: as far as budgets of plan and sites
 * let it be. `brought`: how many are in the wave because others of it need them first.
 */
export type PreviewWave = {
  readonly name: string
  readonly controllers: number
  readonly sites: number
  readonly brought: number
  readonly watts: number
  readonly wattsAtOnce: number
}

/**
 * A site of the plan: the order of its steps, and the next times at which controllers may restart there. `restarts`: how many
 * the order takes; `leastRestarts`: how many any order takes, as far as the search has seen.
 */
export type PreviewSite = {
  readonly site: string
  readonly zone: string
  readonly controllers: number
  readonly restarts: number
  readonly leastRestarts: number
  /** Null: any time. */
  readonly windows: readonly PreviewWindow[] | null
  readonly steps: readonly PreviewStep[]
}

/** A time at which a site is open: instants, and what the clock on its wall shows. */
export type PreviewWindow = {
  readonly from: number
  readonly to: number
  readonly localFrom: string
  readonly localTo: string
}

/** Controllers that take the same step of the same order in the same wave. */
export type PreviewStep = {
  readonly order: number
  readonly wave: number
  readonly class: string
  readonly from: string
  readonly to: string
  readonly controllers: readonly string[]
}

/** The preview of a draft: its outline, and at most so many of its sites behind one, in their order. */
export const previewOf = (draft: Draft, sites: number, behind = ''): Preview => ({
  ...outlineOf(draft),
  ...previewSites(draft, sites, behind),
})

/** At most so many sites of a draft behind one, in their order: what grows with it. */
export function previewSites(
  draft: Pick<Draft, 'plan' | 'waves' | 'places'>,
  sites: number,
  behind = '',
): Pick<Preview, 'sites' | 'more'> {
  const waveOf = new Map<Turn, number>()
  const all = [...draft.plan.sheetOf.keys()]
  const first = all.findIndex(site => site > behind)
  const shown = new Set(first < 0 ? [] : all.slice(first, first + sites))
  const bySite = new Map<string, Turn[]>()
  for (const [index, { turns }] of draft.waves.entries()) {
    for (const turn of turns) {
      if (!shown.has(turn.site)) continue
      waveOf.set(turn, index)
      const at = bySite.get(turn.site) ?? []
      bySite.set(turn.site, at)
      at.push(turn)
    }
  }
  return {
    more: first >= 0 && first + sites < all.length,
    sites: [...bySite].map(([site, turns]) => {
      const place = draft.places.get(site) as DraftPlace
      return {
        site,
        zone: place.zone,
        controllers: turns.length,
        restarts: turns.reduce((sum, { steps }) => sum + steps.length, 0),
        leastRestarts: place.leastRestarts,
        windows: windowsOf(draft.plan, place),
        steps: stepsOf(turns, waveOf),
      }
    }),
  }
}

/** Changes that an outline tells apart: a fleet runs few versions of a class. */
const CHANGES = 200

/** The outline of a draft: what does not grow with it. */
export function outlineOf(draft: Draft): Outline {
  const changes = new Map<string, { -readonly [K in keyof PreviewChange]: PreviewChange[K] }>()
  for (const { class: of, from, steps } of draft.waves.flatMap(({ turns }) => turns)) {
    const versions = steps.map(({ release }) => release.facts.version as string)
    const [to, via] = [versions.at(-1) ?? from, versions.slice(0, -1)]
    const key = JSON.stringify([of, from, versions])
    const change = changes.get(key) ?? { class: of, from, to, via, controllers: 0 }
    changes.set(key, change)
    change.controllers += 1
  }
  const inOrder = [...changes.values()].sort((a, b) => b.controllers - a.controllers)
  const refused = Map.groupBy(draft.passedOver, ({ why }) => why.code)
  return {
    waves: draft.waves.map(({ name, turns, brought }) => {
      const bySite = Map.groupBy(turns, ({ site }) => site)
      const missing = new Map([...bySite].map(([site, at]) => [site, lossOf(at)]))
      const watts = [...missing.values()].reduce((sum, one) => sum + one, 0)
      return {
        name,
        controllers: turns.length,
        sites: bySite.size,
        brought,
        watts,
        wattsAtOnce: atOnce(draft, missing),
      }
    }),
    changes: inOrder.slice(0, CHANGES),
    otherChanges: Math.max(0, inOrder.length - CHANGES),
    refused: [...refused].map(([code, some]) => {
      return { code, controllers: some.length, why: plainText(sentence(some[0]!.why), 1000) }
    }),
    planned: forecast(
      draft.plan,
      stretchesOf(draft.waves, draft.places, draft.plan.rules),
      draft.places,
      beginOf(draft.plan),
    ),
  }
}

/** The earliest that a plan can begin. */
const beginOf = ({ createdAt, notBefore }: PlanHead): Instant => instant(Math.max(createdAt, notBefore ?? createdAt))

/** What a site misses while these are offline, all at once. Who is behind another costs nothing more than that one does. */
function lossOf(turns: readonly Turn[]): number {
  const offline = new Map(turns.map(turn => [turn.controller, turn]))
  const behind = new Map<string | null, Turn[]>()
  for (const turn of turns) {
    const nearest = turn.above.find(id => offline.has(id)) ?? null
    const beside = behind.get(nearest) ?? []
    behind.set(nearest, beside)
    beside.push(turn)
  }
  const sum = (some: readonly Turn[] = []): number => some.reduce((total, turn) => total + worst(turn), 0)
  // The one in front may come back first: of the two, the greater counts.
  const worst = (turn: Turn): number => Math.max(turn.watts, sum(behind.get(turn.controller)))
  return sum(behind.get(null))
}

/** What the budgets leave of it: those of each site first, then of each region, then of the fleet. */
function atOnce({ plan, places }: Draft, missing: ReadonlyMap<string, number>): number {
  const most = (per: 'site' | 'region' | 'fleet', watts: number, limits: Pick<DraftPlace, 'limits'> | null): number => {
    const budgets = [...plan.rules.budgets, ...(limits?.limits.budgets ?? [])].filter(budget => budget.per === per)
    return Math.min(watts, ...budgets.map(budget => budget.watts ?? watts))
  }
  const regions = new Map<string, number>()
  for (const [site, watts] of missing) {
    const place = places.get(site) as DraftPlace
    regions.set(place.region, (regions.get(place.region) ?? 0) + most('site', watts, place))
  }
  const total = [...regions.values()].reduce((sum, watts) => sum + most('region', watts, null), 0)
  return most('fleet', total, null)
}

function windowsOf(plan: PlanHead, place: DraftPlace): readonly PreviewWindow[] | null {
  const from = beginOf(plan)
  const spans = nextOpenings(plan.rules, place, { from, to: plan.notAfter }, place.restart)
  return (
    spans?.map(({ from, to }) => {
      return { from, to, localFrom: wallText(from, place.zone), localTo: wallText(to, place.zone) }
    }) ?? null
  )
}

function stepsOf(turns: readonly Turn[], waveOf: ReadonlyMap<Turn, number>): readonly PreviewStep[] {
  const steps = new Map<string, PreviewStep & { readonly controllers: string[] }>()
  for (const turn of turns) {
    let { from } = turn
    for (const { release, order } of turn.steps) {
      const wave = waveOf.get(turn) as number
      const to = release.facts.version
      const key = [order, wave, turn.class, from, to].join(' ')
      const step = steps.get(key) ?? { order, wave, class: turn.class, from, to, controllers: [] }
      steps.set(key, step)
      step.controllers.push(turn.controller)
      from = to
    }
  }
  return [...steps.values()].sort((a, b) => a.order - b.order || a.wave - b.wave || (a.class < b.class ? -1 : 1))
}
