import { type Instant, instant, type WattHours } from '../../src/core/encoding/units.ts'
import { Bill, type Cause, shortfall } from './bill.ts'
import { charge, type Demand, EFFICIENCY, type Flow, flowOf, NOTHING, sum } from './flow.ts'
import { type Alarm, type Commitment, edgesOf, type Happenings, Running, type Session, SLOT } from './happenings.ts'
import { energyOf, lastingOf, type Span, type StateOfCharge, stateOfCharge } from './quantities.ts'
import { type AwayBecause, Service, withoutUpdates } from './service.ts'
import type { PlantSpec } from './unit.ts'

/** A commitment is broken when more than this share of its energy is missing. */
const TOLERANCE = 0.01

/** Where the energy of a plant's time went, in watt-hours: generation + drawn = grid + load + charged + lost. */
export type Energies = {
  generation: number
  /** Out of the stores, less what went in. */
  drawn: number
  grid: number
  load: number
  charged: number
  lost: number
}

/**
 * A plant on simulated time. Between two edges (something begins or ends, a store is empty or full, a unit goes or comes
 * back, a quarter of an hour is over) all powers are constant, so that energies are exact. The same specification,
 * happenings and calls give the same bill, bit by bit.
 */
export class Plant {
  readonly spec: PlantSpec
  readonly happenings: Happenings
  readonly service: Service
  readonly bill = new Bill()
  readonly energies: Energies = { generation: 0, drawn: 0, grid: 0, load: 0, charged: 0, lost: 0 }
  #now: Instant
  readonly #levels = new Map<string, number>()
  readonly #commitments: Running<Commitment>
  readonly #sessions: Running<Session>
  readonly #outages: Running<Span>
  readonly #gridEvents: Running<Span>
  readonly #alarms: Running<Alarm>
  readonly #linkLosses: Running<Span>
  readonly #edges: readonly Instant[]
  #edge = 0
  /** Energy missing of the running commitments so far: by updates, and in all. */
  readonly #missing = new Map<Commitment, { byUpdate: number; all: number; controllers: Set<string> }>()
  readonly #given = new Map<Session, number>()
  readonly #cut = new Set<Session>()
  #flow: Flow | null = null

  /** `held`: the state of charge that every store begins with. */
  constructor(spec: PlantSpec, happenings: Happenings, start: Instant, held = 0.6) {
    this.spec = spec
    this.happenings = happenings
    this.service = new Service(spec)
    this.#now = start
    this.#commitments = new Running(happenings.commitments)
    this.#sessions = new Running(happenings.sessions)
    this.#outages = new Running(happenings.outages)
    this.#gridEvents = new Running(happenings.gridEvents)
    this.#alarms = new Running(happenings.alarms)
    this.#linkLosses = new Running(happenings.linkLosses)
    this.#edges = edgesOf(happenings, start)
    for (const { id, kind, energy } of spec.units) {
      if (kind === 'rack') this.#levels.set(id, energy * stateOfCharge(held))
      else if (kind === 'ups') this.#levels.set(id, energy)
    }
  }

  get now(): Instant {
    return this.#now
  }

  /** Of one store; of all racks together without a name. */
  stateOfCharge(id?: string): StateOfCharge {
    if (id === undefined) return stateOfCharge(Math.min(1, charge(this.spec, this.#levels)))
    const { energy } = this.service.unit(id)
    return stateOfCharge(energy === 0 ? 0 : Math.min(1, (this.#levels.get(id) ?? 0) / energy))
  }

  /** The energy in all stores. */
  stored(): WattHours {
    return sum(this.#levels) as WattHours
  }

  /** Where the power goes now. The same until time goes by, or somebody goes or comes back. */
  flow(): Flow {
    this.#flow ??= flowOf(this.spec, this.service, this.#levels, this.#demand())
    return this.#flow
  }

  commitment(): Commitment | null {
    return this.#commitments.at(this.#now)[0] ?? null
  }

  /** Milliseconds until the next commitment begins; 0 while one runs, infinity when none is coming. */
  untilCommitment(): number {
    if (this.commitment() !== null) return 0
    return (this.#commitments.next()?.from ?? Number.POSITIVE_INFINITY) - this.#now
  }

  /** What flows out of the plant behind a unit, in watts: of a converter, what its racks give. */
  powerOf(id: string): number {
    const { stores, charging } = this.flow()
    if (this.service.unit(id).kind !== 'pcs') return (stores.get(id) ?? 0) - (charging.get(id) ?? 0)
    return this.spec.units.reduce((all, one) => all + (one.behind === id ? (stores.get(one.id) ?? 0) : 0), 0)
  }

  gridEvent(): boolean {
    return this.#gridEvents.at(this.#now).length > 0
  }

  /** The alarms of a unit; without a name, of the whole site. */
  alarms(unit?: string): readonly Alarm[] {
    return this.#alarms.at(this.#now).filter(alarm => unit === undefined || alarm.unit === unit)
  }

  linkDown(): boolean {
    return this.#linkLosses.at(this.#now).length > 0
  }

  /** The session at a charger, until it has what it wants or was cut. */
  session(charger: string): Session | null {
    return this.#open().find(one => one.charger === charger) ?? null
  }

  /** Takes a unit away until `give`: its power is gone. A session at a charger is cut. */
  take(id: string, because: AwayBecause = 'update', back: Instant | null = null): void {
    const session = this.session(id)
    this.service.take(id, because, this.#now, back)
    this.#flow = null
    if (session === null) return
    this.#cut.add(session)
    const missing = this.#wanting(session) as WattHours
    const cause: Cause = because === 'update' ? { by: 'update', controllers: [id] } : { by: 'nature' }
    this.bill.add({ kind: 'session-cut', at: this.#now, charger: id, missing, cause })
  }

  give(id: string): void {
    this.service.give(id, this.#now)
    this.#flow = null
  }

  /** Takes a unit away for as long as its class restarts. */
  restart(id: string): void {
    this.take(id, 'update', instant(this.#now + this.service.unit(id).restart))
  }

  /** Lets time go by. */
  advance(to: Instant): void {
    while (this.#now < to) {
      const flow = this.flow()
      const next = Math.min(to, this.#nextEdge(), this.service.nextBack(), this.#now + this.#untilLimit(flow))
      this.#pass(flow, instant(next))
      for (const commitment of this.#missing.keys()) if (commitment.to <= next) this.#settle(commitment)
      this.#now = instant(next)
      this.service.returned(this.#now)
      this.#flow = null
    }
  }

  #demand(): Demand {
    const charging = new Map<string, number>()
    for (const { charger } of this.#open()) {
      if (this.service.inService(charger)) charging.set(charger, this.service.unit(charger).power)
    }
    return {
      generation: this.happenings.generation(Math.floor(this.#now / SLOT)),
      committed: this.commitment()?.power ?? 0,
      charging,
      outage: this.#outages.at(this.#now).length > 0,
    }
  }

  /** Sessions that go on: they were not cut, and the car wants more. */
  #open(): readonly Session[] {
    return this.#sessions.at(this.#now).filter(one => !this.#cut.has(one) && this.#wanting(one) > NOTHING)
  }

  #wanting(session: Session): number {
    return session.wants - (this.#given.get(session) ?? 0)
  }

  #nextEdge(): number {
    while ((this.#edges[this.#edge] ?? Number.POSITIVE_INFINITY) <= this.#now) this.#edge += 1
    const quarter = (Math.floor(this.#now / SLOT) + 1) * SLOT
    return Math.min(this.#edges[this.#edge] ?? Number.POSITIVE_INFINITY, quarter)
  }

  /** How long the flow can go on before a store is empty, full or rested, or a car has what it wants, in milliseconds. */
  #untilLimit(flow: Flow): number {
    let least = flow.lasts
    for (const [id, power] of flow.stores) {
      const held = this.#levels.get(id) ?? 0
      const room = this.service.unit(id).energy - held
      const lasts = power > 0 ? lastingOf(held, power / EFFICIENCY) : lastingOf(room, -power * EFFICIENCY)
      if (lasts < least) least = lasts
    }
    for (const [charger, power] of flow.charging) {
      const session = this.session(charger)
      if (session !== null) least = Math.min(least, lastingOf(this.#wanting(session), power))
    }
    return least
  }

  /** Keeps the flow up to `to`: moves the energies, and writes the bill. */
  #pass(flow: Flow, to: Instant): void {
    const lasted = to - this.#now
    for (const [id, power] of flow.stores) this.#move(id, power, lasted)
    for (const [charger, power] of flow.charging) {
      const session = this.session(charger)
      if (session !== null) this.#given.set(session, (this.#given.get(session) ?? 0) + energyOf(power, lasted))
    }
    this.energies.generation += energyOf(flow.generation, lasted)
    this.energies.grid += energyOf(flow.grid, lasted)
    this.energies.load += energyOf(flow.load, lasted)
    this.energies.charged += energyOf(sum(flow.charging), lasted)
    const span = { from: this.#now, to }
    this.#billDelivery(flow, span)
    this.#billLoad(flow, span)
    this.#billRedundancy(span)
  }

  #move(id: string, power: number, lasted: number): void {
    const { energy } = this.service.unit(id)
    const held = this.#levels.get(id) ?? 0
    const inside = power > 0 ? power / EFFICIENCY : power * EFFICIENCY
    const reached = held - energyOf(inside, lasted)
    // The last breath of a store that is empty or full is heat: without it, time would stand still at the limit.
    const level = reached < NOTHING ? 0 : reached > energy - NOTHING ? energy : reached
    this.#levels.set(id, level)
    this.energies.drawn += held - level
    this.energies.lost += energyOf(inside - power, lasted) + (reached - level)
  }

  #billDelivery({ missing, missingByUpdate }: Flow, span: { from: Instant; to: Instant }): void {
    const commitment = this.commitment()
    if (commitment === null) return
    const controllers = this.service.awayNow('update')
    const sums = this.#missing.get(commitment) ?? { byUpdate: 0, all: 0, controllers: new Set() }
    this.#missing.set(commitment, sums)
    sums.byUpdate += energyOf(missingByUpdate, span.to - span.from)
    sums.all += energyOf(missing, span.to - span.from)
    const item = { kind: 'energy-not-delivered', ...span, commitment: commitment.id } as const
    if (missingByUpdate > 0) {
      for (const id of controllers) sums.controllers.add(id)
      const cause: Cause = { by: 'update', controllers }
      this.bill.extend({ ...item, ...shortfall(missingByUpdate, span, commitment.penalty), cause })
    }
    const natural = missing - missingByUpdate
    if (natural > 0) {
      this.bill.extend({ ...item, ...shortfall(natural, span, commitment.penalty), cause: { by: 'nature' } })
    }
  }

  /** A commitment is over: it is broken by whoever made it miss its energy. */
  #settle(commitment: Commitment): void {
    const sums = this.#missing.get(commitment)
    this.#missing.delete(commitment)
    const least = energyOf(commitment.power, commitment.to - commitment.from) * TOLERANCE
    if (sums === undefined || sums.all <= least) return
    // Without the updates it would have been kept: theirs is the break.
    const natural = sums.all - sums.byUpdate > least
    const cause: Cause = natural ? { by: 'nature' } : { by: 'update', controllers: [...sums.controllers] }
    this.bill.add({ kind: 'commitment-broken', at: commitment.to, commitment: commitment.id, cause })
  }

  #billLoad(flow: Flow, span: { from: Instant; to: Instant }): void {
    const { criticalLoad } = this.spec
    if (criticalLoad === 0) return
    const carries = this.service.capacity('ups')
    const could = this.service.capacity('ups', withoutUpdates)
    const cause = this.#blame(could >= criticalLoad)
    if (carries < criticalLoad) this.bill.extend({ kind: 'load-unprotected', ...span, cause })
    if (flow.dark > 0) this.bill.extend({ kind: 'load-dark', ...span, cause })
  }

  #billRedundancy(span: { from: Instant; to: Instant }): void {
    for (const group of this.spec.groups) {
      const inService = this.service.inGroup(group)
      const { id, needed } = group
      if (inService >= needed) continue
      const cause = this.#blame(this.service.inGroup(group, withoutUpdates) >= needed)
      this.bill.extend({ kind: 'redundancy-lost', group: id, ...span, inService, needed, cause })
    }
  }

  /** Updates are to blame for what would be well without them. */
  #blame(wellWithout: boolean): Cause {
    const controllers = this.service.awayNow('update')
    return wellWithout && controllers.length > 0 ? { by: 'update', controllers } : { by: 'nature' }
  }
}
