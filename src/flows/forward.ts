import { utf8 } from '../core/encoding/bytes.ts'
import { canonicalText } from '../core/encoding/canonical-json.ts'
import { type Millis, millis } from '../core/encoding/units.ts'
import type { SiemRow } from '../core/ledger/siem-rows.ts'
import {
  begin,
  broke,
  confirmedOf,
  ended,
  handed,
  hurry,
  isBehind,
  isLost,
  opened,
  PATIENCE,
  roomOf,
  type Standing,
  settle,
  wantsEnd,
} from '../core/ledger/siem-standing.ts'
import { entryMessage, frame, gapMessage, type SyslogFormat } from '../core/ledger/syslog.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import { type Event, record } from './audit.ts'
import { fleetActor } from './opened.ts'
import { type By, person } from './persons.ts'
import type { FleetWorld } from './ports.ts'
import type { SiemLine, SiemLink, SiemStore } from './siem-ports.ts'

/** A receiver of the log, as the config has it. */
export type SiemReceiver = {
  readonly name: string
  /** What the log is told of it when it changes: where it is, whom it is believed by. No secret. */
  readonly target: Readonly<Record<string, string | number>>
  /** Whether one that is new hears the whole log, or what happens from now on. */
  readonly from: 'beginning' | 'now'
  readonly format: SyslogFormat
  readonly link: SiemLink
}

/** Entries that are read and written at a time: 4 MiB at the very most. */
const PAGE = 64
/** Entries of one round: then everybody else has their turn. */
const ROUND = 1024

/**
 * Puts the receivers of the config into the store: a new one begins as it says, one that is gone is forgotten, and the log
 * tells of either, and of every change of where the log goes. Durable on return.
 */
export function noteReceivers(world: FleetWorld, store: SiemStore, receivers: readonly SiemReceiver[]): Promise<void> {
  return world.store.exclusive(async () => {
    const { size } = await world.store.log()
    const known = new Map((await store.receivers()).map(row => [row.receiver, row]))
    const siem: SiemRow[] = []
    const events: Event[] = []
    const digest = (target: string | undefined): string | null =>
      target === undefined ? null : world.crypto.sha256(utf8(target)).toHex()
    const event = (
      receiver: string,
      targets: readonly [before?: string, after?: string],
      more: Event['detail'],
    ): Event => {
      const changed = { before: digest(targets[0]), after: digest(targets[1]) }
      return {
        kind: 'policy-changed',
        actor: fleetActor(world),
        detail: { policy: 'siem', receiver, ...changed, ...more },
      }
    }
    for (const { name, target, from } of receivers) {
      const before = known.get(name)
      known.delete(name)
      const said = canonicalText(target)
      if (before?.target === said) continue
      // One that hears what happens from now on hears first of its own beginning.
      siem.push({ settled: from === 'now' ? size : 0, lost: false, ...before, receiver: name, target: said })
      const begins = before === undefined ? from : 'where it stands'
      events.push(event(name, [before?.target, said], { ...target, from: begins }))
    }
    const siemGone = [...known.keys()]
    for (const [name, { target }] of known) events.push(event(name, [target], { removed: true }))
    // If power fails before this commit, the next start finds the same difference, and says it then.
    if (events.length > 0) await record(world, { siem, siemGone }, events)
  })
}

/** How a receiver stands, for who asks. */
export type SiemState = {
  readonly receiver: string
  readonly connected: boolean
  /** Entries of the log. */
  readonly size: number
  /** Entries below these were handed to the connection, read by the receiver, and are never sent again. */
  readonly sent: number
  readonly confirmed: number
  readonly settled: number
  /** Messages since the start, those that were sent again among them. */
  readonly messages: number
  readonly repeated: number
  readonly standing: Standing
}

/**
 * Forwards the log to one receiver, in its order. The log is the spool: nothing is kept beside it but up to where the receiver has
 * it, which is durable. Every entry is sent; what was under way when a connection broke, or when this process ended, is sent
 * again (core/ledger/siem-standing.ts).
 */
export class Forwarding {
  readonly receiver: SiemReceiver
  readonly #world: FleetWorld
  readonly #store: SiemStore
  readonly #chance: () => number
  #row: SiemRow
  #standing: Standing
  #line: SiemLine | null = null
  #more = false
  #stopped = false
  #messages = 0
  #repeated = 0
  /** The first entry that was never handed to any connection of this process. */
  #furthest: number

  private constructor(world: FleetWorld, store: SiemStore, receiver: SiemReceiver, row: SiemRow, chance: () => number) {
    this.#world = world
    this.#store = store
    this.receiver = receiver
    this.#row = row
    this.#chance = chance
    this.#standing = begin(row.settled, row.lost, world.clock.now())
    this.#furthest = row.settled
  }

  /** Goes on where the receiver stands. Throws for one that `noteReceivers` has not put into the store. `chance` answers 0 to 1. */
  static async of(
    world: FleetWorld,
    store: SiemStore,
    receiver: SiemReceiver,
    chance: () => number,
  ): Promise<Forwarding> {
    const row = await store.receiver(receiver.name)
    if (row === null) throw new Error(`the receiver ${receiver.name} is not in the store`)
    return new Forwarding(world, store, receiver, row, chance)
  }

  /** Sends what there is to be sent, as far as it is time for it. Answers why it could not, once for each try. */
  async round(): Promise<null | Refusal> {
    this.#standing = settle(this.#standing, this.#now())
    await this.#keep()
    if (this.#stopped || this.#now() < this.#standing.due) return null
    const problem = await this.#forward()
    // Whoever stops it lets go of the connection: that it is gone then is no failure.
    if (problem === null || this.#stopped) return null
    this.#line?.drop()
    this.#line = null
    this.#more = false
    this.#standing = broke(this.#standing, problem, this.#now(), this.#chance())
    await this.#keep()
    return problem
  }

  /** How long the next round may wait, in milliseconds; it is looked for new entries every `tick`. */
  waits(tick: number): Millis {
    const due = this.#standing.due - this.#now()
    return millis(due > 0 ? Math.min(tick, due) : this.#more ? 0 : tick)
  }

  /** Has the next round try at once, and what the log has now confirmed as soon as it is sent: somebody waits for it. */
  async hurry(): Promise<void> {
    const { size } = await this.#world.store.log()
    this.#standing = hurry(this.#standing, size, this.#now())
  }

  /** Lets go of the connection. The round that is under way ends; none begins. What is not settled, the next process sends again. */
  stop(): void {
    this.#stopped = true
    this.#line?.drop()
  }

  async state(): Promise<SiemState> {
    const { size } = await this.#world.store.log()
    const standing = this.#standing
    return {
      receiver: this.receiver.name,
      connected: standing.open !== null && this.#line?.fault() === null,
      size,
      sent: standing.next,
      confirmed: confirmedOf(standing),
      settled: standing.settled,
      messages: this.#messages,
      repeated: this.#repeated,
      standing,
    }
  }

  /** What a person has to see to: it takes nothing, or not enough, for a quarter of an hour. */
  async alarm(): Promise<Refusal | null> {
    const now = this.#now()
    const { standing, size, sent } = await this.state()
    if (standing.fault !== null && isLost(standing, now)) return standing.fault
    if (sent >= size || !isBehind(standing, now)) return null
    return refuse('siem-behind', this.#subject, `every entry within ${minutes(PATIENCE)}`, `${size - sent} to be sent`)
  }

  get #subject(): string {
    return `siem ${this.receiver.name}`
  }

  #now() {
    return this.#world.clock.now()
  }

  async #forward(): Promise<null | Refusal> {
    const gone = this.#line?.fault() ?? null
    if (gone !== null) return gone
    const line = this.#line ?? (await this.#receiverLink())
    if (isRefusal(line)) return line
    const refused = await this.#sendOn(line)
    if (refused !== null) return refused
    if (!wantsEnd(this.#standing, this.#now())) return null
    return this.#change(line)
  }

  /**
   * Ends a connection in order, with the next one there already: a receiver that dies while it has read and not yet written takes
   * a connection with it, whenever that is, and so it is noticed.
   */
  async #change(line: SiemLine): Promise<null | Refusal> {
    const next = await this.receiver.link.open()
    if (isRefusal(next)) return next
    const open = await line.end()
    if (open !== null || this.#stopped) {
      next.drop()
      return open
    }
    this.#line = next
    const now = this.#now()
    this.#standing = opened(ended(this.#standing, now), now)
    return null
  }

  async #receiverLink(): Promise<SiemLine | Refusal> {
    const line = await this.receiver.link.open()
    if (isRefusal(line)) return line
    this.#line = line
    this.#standing = opened(this.#standing, this.#now())
    return line
  }

  async #sendOn(line: SiemLine): Promise<null | Refusal> {
    const { size } = await this.#world.store.log()
    for (let count = 0; count < ROUND; ) {
      const from = this.#standing.next
      const to = Math.min(size, from + Math.min(PAGE, roomOf(this.#standing)))
      this.#more = from < size
      if (from >= to || this.#stopped) return null
      const sent = await this.#sendPage(line, from, to)
      if (isRefusal(sent)) return sent
      count += sent - from
      this.#standing = handed(this.#standing, sent, size, this.#now())
      this.#more = sent < size
    }
    return null
  }

  /** Sends a page of entries; answers the index behind the last one that was sent, or told to be missing. */
  async #sendPage(line: SiemLine, from: number, to: number): Promise<number | Refusal> {
    const { crypto, store } = this.#world
    const { format } = this.receiver
    const rows = await store.entries(from, to).catch(notThere)
    if (isRefusal(rows)) return rows
    let next = from
    for (const { index, bytes } of rows) {
      if (index !== next) break
      const refused = await line.send(frame(entryMessage(crypto, format, index, bytes)))
      if (refused !== null) return refused
      this.#count(index)
      next += 1
    }
    if (next > from) return next
    return this.#tellGap(line, from)
  }

  /** Entries that the store does not have any more, and nobody has for it: the receiver is told from where to where. */
  async #tellGap(line: SiemLine, from: number): Promise<number | Refusal> {
    const there = (await this.#store.firstEntryFrom(from)) ?? (await this.#world.store.log()).size
    const refused = await line.send(frame(gapMessage(this.receiver.format, from, there - 1, this.#now())))
    return refused ?? there
  }

  #count(index: number): void {
    this.#messages += 1
    if (index < this.#furthest) this.#repeated += 1
    else this.#furthest = index + 1
  }

  /**
   * Keeps up to where the receiver has everything, and tells the log when it has taken nothing for too long, and when it takes
   * entries again. If power fails before it, the next process begins where the last one was known to be, and sends again what
   * lies between; after it, nothing below is sent again.
   */
  async #keep(): Promise<void> {
    const { settled, troubledSince } = this.#standing
    const lost = isLost(this.#standing, this.#now()) || (this.#row.lost && troubledSince !== null)
    if (settled === this.#row.settled && lost === this.#row.lost) return
    const row = { ...this.#row, settled, lost }
    if (lost === this.#row.lost) await this.#world.store.commit({ siem: [row] })
    else await this.#world.store.exclusive(() => record(this.#world, { siem: [row] }, [this.#told(lost)]))
    this.#row = row
  }

  #told(lost: boolean): Event {
    const { fault, settled } = this.#standing
    const receiver = this.receiver.name
    const event = { actor: { kind: 'fleet', id: this.#world.name } } as const
    if (!lost || fault === null) return { ...event, kind: 'siem-restored', detail: { receiver, from: settled } }
    const { code, subject, expected, actual } = fault
    return { ...event, kind: 'siem-lost', code, detail: { receiver, from: settled, subject, expected, actual } }
  }
}

/**
 * Has an entry made that goes the way of all others, for a person who wants to see it arrive. Durable on return; answers its
 * index.
 */
export function testSiem(
  world: FleetWorld,
  store: SiemStore,
  by: By,
  receiver: string,
): Promise<{ receiver: string; index: number } | Refusal> {
  return world.store.exclusive(async () => {
    if ((await store.receiver(receiver)) === null) {
      return refuse('not-found', `siem ${receiver}`, 'a receiver of fleet.yaml', 'none of that name')
    }
    const { size } = await world.store.log()
    await record(world, {}, [{ kind: 'siem-tested', actor: person(by), detail: { receiver } }])
    return { receiver, index: size }
  })
}

/** Entries in an archive that is not there (`log-archived`) are waited for: they are not gone. */
function notThere(error: unknown): Refusal {
  if (error instanceof RefusalError) return error.refusal
  throw error
}

const minutes = (duration: Millis): string => `${duration / 60_000} minutes`
