import { lastingOf } from './quantities.ts'
import { type Away, type Service, withoutUpdates } from './service.ts'
import type { PlantSpec, Unit } from './unit.ts'

/** What the world asks of the plant at an instant. */
export type Demand = {
  /** What wind and sun give. */
  readonly generation: number
  /** What was sold; 0: nothing. */
  readonly committed: number
  /** What cars draw, by charger. */
  readonly charging: ReadonlyMap<string, number>
  /** The grid is away. */
  readonly outage: boolean
}

/** Where the power goes at an instant, in watts. The sum is kept: generation + units = grid + load + charging. */
export type Flow = {
  /** What is used of the generation. */
  readonly generation: number
  /** Every store that gives (positive) or takes (negative), on the side of the grid. */
  readonly stores: ReadonlyMap<string, number>
  readonly charging: ReadonlyMap<string, number>
  /** Into the grid; negative: out of it. */
  readonly grid: number
  /** What of the critical load is fed, and what of it is dark. */
  readonly load: number
  readonly dark: number
  /** What is missing of a commitment, and what of that would be there but for updates. */
  readonly missing: number
  readonly missingByUpdate: number
  readonly islanded: boolean
  /** The UPS feed the load out of their batteries. */
  readonly onBackup: boolean
  /** How long it goes on by itself before the plant's control does something else, in milliseconds. */
  readonly lasts: number
}

/** What goes into a store and comes out of it again, of each watt-hour. */
export const EFFICIENCY = 0.97
/** Below it a store is empty, and that close to its energy it is full, in watt-hours. */
export const NOTHING = 1e-3
/** Racks are charged out of the grid below this state of charge, with this share of their power. */
const REST = 0.6
const GENTLY = 0.25
/** The share of its power that a UPS charges its battery with. */
const TRICKLE = 0.1

/** The energy of every store, in watt-hours. */
export type Levels = ReadonlyMap<string, number>

/** The flow that the plant's own control comes to. It does not know of updates: it uses what is there. */
export function flowOf(spec: PlantSpec, service: Service, levels: Levels, demand: Demand): Flow {
  return demand.outage ? cutOff(spec, service, levels, demand) : connected(spec, service, levels, demand)
}

function connected(spec: PlantSpec, service: Service, levels: Levels, demand: Demand): Flow {
  const { generation, committed } = demand
  const giving = shares(spec, service, levels, 'giving')
  const stores = new Map<string, number>()
  let lasts = Number.POSITIVE_INFINITY
  if (committed > 0) {
    const wanted = committed - generation
    if (wanted > 0) spread(stores, giving, Math.min(wanted, sum(giving)))
    else take(stores, shares(spec, service, levels, 'taking'), -wanted)
  } else {
    const taking = shares(spec, service, levels, 'taking')
    const lacking = restingLack(spec, levels)
    const gently = lacking > NOTHING ? sum(taking) * GENTLY : 0
    take(stores, taking, Math.max(generation, gently))
    if (gently > generation) lasts = lastingOf(lacking, gently * EFFICIENCY)
  }
  const fromRacks = sum(stores)
  for (const unit of spec.units) {
    if (unit.kind !== 'ups' || isFull(unit, levels) || !service.inService(unit.id)) continue
    stores.set(unit.id, -unit.power * TRICKLE)
  }
  const delivered = Math.min(committed, generation + fromRacks)
  const could = Math.min(committed, generation + sum(shares(spec, service, levels, 'giving', withoutUpdates)))
  const charging = demand.charging
  return {
    generation,
    stores,
    charging,
    grid: generation + sum(stores) - spec.criticalLoad - sum(charging),
    load: spec.criticalLoad,
    dark: 0,
    missing: noticed(committed - delivered),
    missingByUpdate: noticed(could - delivered),
    islanded: false,
    onBackup: false,
    lasts,
  }
}

/** The grid is away: the racks carry the site as an island if they can; else each UPS has its battery. */
function cutOff(spec: PlantSpec, service: Service, levels: Levels, demand: Demand): Flow {
  const { criticalLoad } = spec
  const charging = demand.charging
  const wanted = criticalLoad + sum(charging)
  const giving = shares(spec, service, levels, 'giving')
  const stores = new Map<string, number>()
  const none = { grid: 0, missing: 0, missingByUpdate: 0, lasts: Number.POSITIVE_INFINITY }
  if (sum(giving) >= wanted && sum(giving) > 0) {
    const generation = Math.min(demand.generation, wanted)
    spread(stores, giving, wanted - generation)
    return { ...none, generation, stores, charging, load: criticalLoad, dark: 0, islanded: true, onBackup: false }
  }
  const ups = new Map<string, number>()
  for (const unit of spec.units) {
    if (unit.kind === 'ups' && !isEmpty(unit, levels) && service.inService(unit.id)) ups.set(unit.id, unit.power)
  }
  const load = Math.min(criticalLoad, sum(ups))
  spread(stores, ups, load)
  const dark = criticalLoad - load
  return { ...none, generation: 0, stores, charging: new Map(), load, dark, islanded: true, onBackup: load > 0 }
}

/** What each rack can give or take now: the racks behind one converter share its power. */
function shares(
  spec: PlantSpec,
  service: Service,
  levels: Levels,
  way: 'giving' | 'taking',
  blind?: (away: Away) => boolean,
): Map<string, number> {
  const able = spec.units.filter(unit => {
    if (unit.kind !== 'rack' || !service.inService(unit.id, blind)) return false
    return way === 'giving' ? !isEmpty(unit, levels) : !isFull(unit, levels)
  })
  const behind = new Map<string, number>()
  for (const { behind: through, power } of able) {
    if (through !== null) behind.set(through, (behind.get(through) ?? 0) + power)
  }
  return new Map(
    able.map(({ id, behind: through, power }) => {
      const all = through === null ? 0 : (behind.get(through) ?? 0)
      const room = through === null || all === 0 ? 1 : Math.min(1, service.unit(through).power / all)
      return [id, power * room]
    }),
  )
}

function spread(stores: Map<string, number>, able: ReadonlyMap<string, number>, power: number): void {
  const all = sum(able)
  if (all > 0 && power > 0) for (const [id, most] of able) stores.set(id, (power * most) / all)
}

function take(stores: Map<string, number>, able: ReadonlyMap<string, number>, power: number): void {
  const all = sum(able)
  const taken = Math.min(power, all)
  if (taken > 0) for (const [id, most] of able) stores.set(id, (-taken * most) / all)
}

/** The racks' state of charge together; 1 where there is none. */
export function charge(spec: PlantSpec, levels: Levels): number {
  let held = 0
  let room = 0
  for (const { id, kind, energy } of spec.units) {
    if (kind !== 'rack') continue
    held += levels.get(id) ?? 0
    room += energy
  }
  return room === 0 ? 1 : held / room
}

/** What the racks lack of the charge that they rest at, in watt-hours; negative above it. */
function restingLack(spec: PlantSpec, levels: Levels): number {
  let lack = 0
  for (const { id, kind, energy } of spec.units) if (kind === 'rack') lack += energy * REST - (levels.get(id) ?? 0)
  return lack
}

const isEmpty = ({ id }: Unit, levels: Levels): boolean => (levels.get(id) ?? 0) <= NOTHING
const isFull = ({ id, energy }: Unit, levels: Levels): boolean => (levels.get(id) ?? 0) >= energy - NOTHING
/** What is missing, but for what is missing of the arithmetic. */
const noticed = (power: number): number => (power > 1e-3 ? power : 0)
export const sum = (of: ReadonlyMap<string, number>): number => [...of.values()].reduce((all, one) => all + one, 0)
