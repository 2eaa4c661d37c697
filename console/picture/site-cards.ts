import { waitsForYes } from '../../src/core/campaign/link.ts'
import type { PlantSeen } from '../../src/wire/plant-api.ts'
import type { PlacedController, PlannedTurn, SiteControllerView, SiteView } from '../../src/wire/site-views.ts'
import type { MarkKind } from './mark-kind.ts'
import { type SlotPicture, slotsOf } from './slots.ts'
import { isOver, stateWord } from './standing.ts'

/** Why a controller does not get its turn. `age`: of the value, by now, in milliseconds; null: it has none. */
export type Waiting = {
  readonly sentence: string
  readonly rule: string
  readonly value: string | null
  readonly threshold: string | null
  readonly age: number | null
  readonly nextPossible: number | null
  /** When the site said so, in milliseconds before now. */
  readonly saidAgo: number
}

/** A controller as a card shows it. */
export type Card = {
  readonly id: string
  readonly placed: PlacedController
  readonly kind: MarkKind
  readonly word: string
  readonly slots: readonly SlotPicture[]
  readonly counter: number | null
  /** When the fleet heard of it last; null: never. */
  readonly seenAt: number | null
  /** Its turn that counts: the one that is ordered, or else the first that is planned. */
  readonly turn: PlannedTurn | null
  readonly waiting: Waiting | null
  readonly view: SiteControllerView | null
}

export type CardGroup = {
  readonly name: string
  readonly cards: readonly Card[]
  /** How many of each standing, the worst first. */
  readonly counts: readonly { readonly kind: MarkKind; readonly count: number }[]
}

const WORST: readonly MarkKind[] = ['trust', 'failed', 'attention', 'unknown', 'busy', 'waiting', 'good']
/** Standings that somebody wants to see without asking. */
const LOUD: ReadonlySet<MarkKind> = new Set(['trust', 'failed', 'attention'])

/** Cards with the worst standing first, in their order otherwise. */
export const worstFirst = (cards: readonly Card[]): readonly Card[] =>
  cards.toSorted((a, b) => WORST.indexOf(a.kind) - WORST.indexOf(b.kind))

export const isLoud = (group: CardGroup): boolean => group.counts.some(({ kind }) => LOUD.has(kind))

/** Every controller of a site, in the order of its file. Who was never enrolled, or is not in the answer, is unknown. */
export function cardsOf(
  site: SiteView,
  controllers: readonly SiteControllerView[],
  plant: PlantSeen | null,
  now: number,
): readonly Card[] {
  const views = new Map(controllers.map(one => [one.id, one]))
  const figures = freshWaits(plant, now)
  return site.controllers.map(placed => {
    const view = views.get(placed.id) ?? null
    const { kind, word } = standingOf(view)
    const turn = view === null ? null : turnOf(view.turns)
    return {
      id: placed.id,
      placed,
      kind,
      word,
      slots: slotsOf(view?.attested ?? null),
      counter: view?.attested?.counter ?? null,
      seenAt: view?.attested?.seenAt ?? null,
      turn,
      waiting: view === null ? null : waitingOf(view, figures, now),
      view,
    }
  })
}

/** How a controller stands, in a word: the worst thing that is known of it. */
export function standingOf(view: SiteControllerView | null): { readonly kind: MarkKind; readonly word: string } {
  if (view === null) return { kind: 'unknown', word: 'not enrolled' }
  if (view.fault !== null) return { kind: 'trust', word: 'its report is not believed' }
  const { attested } = view
  if (attested === null) return { kind: 'unknown', word: 'never reported' }
  if (attested.state === 'golden') return { kind: 'failed', word: 'rescue image runs' }
  if (attested.refusal !== null) return { kind: 'trust', word: 'refused its order' }
  if (attested.state === 'trial') return { kind: 'busy', word: 'on trial' }
  const turn = turnOf(view.turns)
  if (turn?.state === 'failed') return { kind: 'failed', word: 'update failed' }
  if (turn?.stage === 'granted') return { kind: 'busy', word: 'restarting' }
  if (asksFor(view)) return { kind: 'attention', word: 'waits for a yes at its site' }
  if (view.waits !== null) return { kind: 'waiting', word: 'waits for its turn' }
  if (turn?.stage === 'staged') return { kind: 'busy', word: 'staged' }
  if (turn?.state === 'assigned') return { kind: 'busy', word: 'ordered' }
  if (turn?.state === 'returning') return { kind: 'busy', word: 'going back' }
  return { kind: 'good', word: attested.state === 'stable' ? 'stable' : attested.state }
}

/** Whether it has no image because its site asks somebody before a full one comes. */
const asksFor = ({ waits }: SiteControllerView): boolean => waits !== null && waitsForYes(waits)

const ORDERED = new Set(['assigned', 'returning'])
const OVER = new Set(['confirmed', 'withdrawn', 'overtaken', 'returned', 'kept'])

/** The turn that counts: one that is ordered, then one that failed, then one that is still to come. */
function turnOf(turns: readonly PlannedTurn[]): PlannedTurn | null {
  const open = turns.filter(({ state }) => !OVER.has(state))
  return (
    open.find(({ state }) => ORDERED.has(state)) ?? open.find(({ state }) => state === 'failed') ?? open.at(0) ?? null
  )
}

type Said = Omit<Waiting, 'sentence'> & { readonly because: string; readonly at: number }

/** What the gateway says now of who waits, by controller, while somebody looks: it has the figures of now. */
function freshWaits(plant: PlantSeen | null, now: number): ReadonlyMap<string, Said> {
  if (plant === null || plant.plant === null || plant.heardAt === null) return new Map()
  const { heardAt } = plant
  const since = Math.max(0, now - heardAt)
  return new Map(
    plant.plant.waits.flatMap(({ controllers, ageMillis, ...said }) =>
      controllers.map(id => {
        const age = ageMillis === null ? null : ageMillis + since
        return [id, { ...said, age, at: heardAt, saidAgo: since }] as const
      }),
    ),
  )
}

function waitingOf(view: SiteControllerView, figures: ReadonlyMap<string, Said>, now: number): Waiting | null {
  const fresh = figures.get(view.id)
  if (fresh !== undefined && (view.waits === null || fresh.at >= view.waits.at)) {
    const { because, at: _, ...said } = fresh
    return { ...said, sentence: `${view.id} waits: ${because}.` }
  }
  if (view.waits === null) return null
  const { sentence, rule, value, threshold, ageMillis, nextPossible, at } = view.waits
  const saidAgo = Math.max(0, now - at)
  return {
    sentence,
    rule,
    value,
    threshold,
    nextPossible,
    age: ageMillis === null ? null : ageMillis + saidAgo,
    saidAgo,
  }
}

/** Cards by where people find them: cabinets, or the converter that they are behind, or racks, or else classes. */
export function groupsOf(cards: readonly Card[]): readonly CardGroup[] {
  const nameOf = groupingOf(cards)
  const groups = [...Map.groupBy(cards, nameOf)]
  return groups.map(([name, some]) => ({ name, cards: some, counts: countsOf(some) }))
}

export function countsOf(cards: readonly Card[]): CardGroup['counts'] {
  return WORST.map(kind => ({ kind, count: cards.filter(one => one.kind === kind).length })).filter(
    ({ count }) => count > 0,
  )
}

const ELSEWHERE = 'The rest of the site'

function groupingOf(cards: readonly Card[]): (card: Card) => string {
  const placed = cards.map(one => one.placed)
  if (placed.some(({ cabinet }) => cabinet !== null)) {
    return ({ placed: { cabinet } }) => (cabinet === null ? ELSEWHERE : `Cabinet ${cabinet}`)
  }
  const behind = new Map(placed.map(one => [one.id, one.behind]))
  const carries = new Set(placed.flatMap(one => one.behind ?? []))
  if (carries.size > 0) {
    return ({ id }) => {
      let root = id
      // A site's `behind` has no circle; one that is not as it should be must not hang the page.
      for (let step = 0; step < 32 && behind.get(root) != null; step += 1) root = behind.get(root) as string
      return carries.has(root) ? `${root} and behind it` : ELSEWHERE
    }
  }
  const racks = Map.groupBy(placed, ({ rack }) => rack)
  if ([...racks].some(([rack, some]) => rack !== null && some.length > 1)) {
    return ({ placed: { rack } }) => (rack === null ? ELSEWHERE : `Rack ${rack}`)
  }
  return ({ placed: one }) => `Class ${one.class}`
}

/** Whether a card is among those that a filter asks for: every word of it stands somewhere in the card. */
export function matches({ id, placed, word, slots, turn }: Card, filter: string): boolean {
  const { class: of, hardware, rack, cabinet, circle, labels } = placed
  const versions = slots.map(({ version }) => version ?? '')
  const text = [id, of, hardware, rack, cabinet, circle, ...labels, word, ...versions, turn?.campaign, turn?.version]
    .join(' ')
    .toLowerCase()
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every(one => text.includes(one))
}

/** Controllers that wait, those with the same sentence but for their names together, the longest row first. */
export type WaitRow = {
  readonly waiting: Waiting
  readonly because: string
  readonly ids: readonly string[]
  /** A yes of somebody at the site ends it. */
  readonly asks: boolean
}

export function waitRows(cards: readonly Card[]): readonly WaitRow[] {
  const waiting = cards.flatMap(({ id, waiting: one, view }) =>
    one === null ? [] : [{ id, waiting: one, because: reasonIn(id, one), asks: view !== null && asksFor(view) }],
  )
  return [...Map.groupBy(waiting, ({ because }) => because)]
    .map(([because, some]) => {
      const { waiting, asks } = some[0]!
      return { because, waiting, asks, ids: some.map(({ id }) => id) }
    })
    .toSorted((a, b) => b.ids.length - a.ids.length)
}

const reasonIn = (id: string, { sentence }: Waiting): string =>
  sentence.startsWith(`${id} waits: `) ? sentence.slice(`${id} waits: `.length) : sentence

/** Work at the site by campaign, of those that have not ended: how many of its controllers stand where. */
export type WorkRow = {
  readonly campaign: string
  readonly title: string
  readonly state: string
  readonly version: string
  readonly counts: readonly { readonly state: string; readonly count: number }[]
}

export function workOf(controllers: readonly SiteControllerView[]): readonly WorkRow[] {
  const turns = controllers.flatMap(one => one.turns).filter(({ campaignState }) => !isOver(campaignState))
  return [...Map.groupBy(turns, ({ campaign }) => campaign)].map(([campaign, some]) => ({
    campaign,
    title: some[0]!.title,
    state: stateWord(some[0]!.campaignState),
    version: [...new Set(some.map(({ version }) => version))].join(', '),
    counts: [...Map.groupBy(some, ({ state, stage }) => stage ?? state)].map(([state, of]) => ({
      state,
      count: of.length,
    })),
  }))
}
