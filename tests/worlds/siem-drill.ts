import assert from 'node:assert/strict'
import { SyslogTls } from '../../src/adapters/syslog-tls.ts'
import { EXAMPLE_ENTERPRISE } from '../../src/core/ledger/syslog.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { record } from '../../src/flows/audit.ts'
import { Forwarding, noteReceivers, type SiemReceiver } from '../../src/flows/forward.ts'
import { CutLine } from './cut-line.ts'
import { QuietFleet } from './quiet-fleet.ts'
import { Rsyslogd, until } from './rsyslogd.ts'

const PATIENCE = { connect: 5000, write: 1000, end: 1000 }

/**
 * A fleet's log, a line that is cut, and rsyslog behind it, which is killed. The fleet's clock is moved by the drill, and never
 * past what rsyslog has read and not yet written: that a receiver writes within ten seconds of its reading is what is assumed of it.
 */
export class SiemDrill {
  readonly fleet: QuietFleet
  readonly rsyslog: Rsyslogd
  line: CutLine
  #forwarding!: Forwarding
  /** Where each try broke: what was settled then. Whatever comes twice lies behind one of them. */
  readonly breaks: number[] = []
  repeated = 0
  readonly codes = new Set<string>()

  private constructor(fleet: QuietFleet, rsyslog: Rsyslogd, line: CutLine) {
    this.fleet = fleet
    this.rsyslog = rsyslog
    this.line = line
  }

  static async make(): Promise<SiemDrill> {
    const rsyslog = new Rsyslogd()
    await rsyslog.start()
    const drill = new SiemDrill(
      await QuietFleet.make({ approvers: 1, threshold: 1 }),
      rsyslog,
      await CutLine.to(rsyslog.port),
    )
    await drill.restart()
    return drill
  }

  /** A new process of the fleet server forwards, from what the store says. */
  async restart(): Promise<void> {
    const { fleet, rsyslog, line } = this
    if (this.#forwarding !== undefined) {
      this.repeated += (await this.#forwarding.state()).repeated
      this.#forwarding.stop()
    }
    const own = { cert: rsyslog.pem('fleet.plant.example.pem'), key: rsyslog.pem('fleet.plant.example-key.pem') }
    const place = { host: '127.0.0.1', port: line.port, serverName: 'siem.plant.example', ca: rsyslog.pem('ca.pem') }
    const soc: SiemReceiver = {
      name: 'soc',
      target: { host: 'siem.plant.example' },
      from: 'beginning',
      format: { log: 'quiet', host: 'fleet.plant.example', enterprise: EXAMPLE_ENTERPRISE, maxBytes: 131_072 },
      link: orThrow(SyslogTls.to('soc', { ...place, ...own }, PATIENCE)),
    }
    await noteReceivers(fleet.world, fleet.siem, [soc])
    const settled = (await fleet.siem.receiver('soc'))!.settled
    // What the last process sent and did not know to have arrived, this one sends again; to the receiver it is a break.
    this.breaks.push(settled)
    this.#forwarding = await Forwarding.of(fleet.world, fleet.siem, soc, () => 0)
  }

  async happen(count: number, text = ''): Promise<void> {
    const actor = { kind: 'fleet', id: 'quiet' } as const
    const events = Array.from({ length: count }, (_, n) => {
      return {
        kind: 'policy-changed',
        actor,
        detail: { n, text, more: text === '' ? [] : Array(13).fill(text) },
      } as const
    })
    await this.fleet.world.store.exclusive(() => record(this.fleet.world, {}, events))
  }

  async state() {
    return this.#forwarding.state()
  }

  /** One round. */
  async round(): Promise<null | Refusal> {
    const problem = await this.#forwarding.round()
    if (problem === null) return null
    this.codes.add(problem.code)
    this.breaks.push((await this.state()).settled)
    return problem
  }

  /**
   * Rounds until one fails. The clock stands, as a break is noticed when it is there to be noticed, or goes on by `each` milliseconds a round,
   * where only time leads to one.
   */
  async untilItBreaks(each = 0): Promise<void> {
    while (!isRefusal(await this.round())) {
      await new Promise(resolve => setImmediate(resolve))
      // Behind a break nothing is held to have arrived: the pause may go by.
      const { due } = (await this.state()).standing
      this.fleet.clock.advance(Math.max(each, due - this.fleet.clock.now()))
    }
  }

  /** Lets time pass, when rsyslog has written what it has read. */
  async pass(millis: number): Promise<void> {
    const { confirmed } = await this.state()
    if (this.rsyslog.isAlive) {
      await until('rsyslog has written what it has read', () => this.rsyslog.firstMissing() >= confirmed)
    }
    this.fleet.clock.advance(millis)
  }

  /** Rounds and time, until everything has arrived and is settled. */
  async through(): Promise<void> {
    for (let n = 0; n < 400; n += 1) {
      await this.round()
      await this.pass(1000)
      const { settled, size } = await this.state()
      if (settled === size) return
    }
    assert.fail('it does not come to an end')
  }

  /** Everything is there, byte for byte, and comes twice only as often as a break before it explains. */
  async judge(): Promise<{ entries: number; written: number; twice: number }> {
    const { size, repeated } = await this.state()
    const written = this.rsyslog.written()
    const counts = new Map<number, number>()
    for (const { index, proven } of written) {
      assert.ok(proven, `entry ${index} is not the one of the log`)
      counts.set(index, (counts.get(index) ?? 0) + 1)
    }
    const holes = Array.from({ length: size }, (_, index) => index).filter(index => !counts.has(index))
    assert.deepEqual(holes, [], 'lost')
    for (const [index, count] of counts) {
      const explained = this.breaks.filter(settled => settled <= index).length
      assert.ok(count <= 1 + explained, `entry ${index} came ${count} times, and ${explained} breaks explain it`)
    }
    const twice = written.length - size
    return { entries: size, written: written.length, twice: Math.max(twice, this.repeated + repeated) }
  }

  /** The line leads to where rsyslog listens now. */
  async lead(): Promise<void> {
    this.line.lead(this.rsyslog.port)
  }

  async close(): Promise<void> {
    this.#forwarding.stop()
    await this.line.close()
    await this.rsyslog.close()
    this.fleet.close()
  }
}
