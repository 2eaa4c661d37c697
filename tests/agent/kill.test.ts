import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { bundleSecondStage } from '../../scripts/build-agent.ts'
import { writeWhole } from '../../src/adapters/config-file.ts'
import type { AgentEvent } from '../../src/apps/agent/events.ts'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { verify } from '../../src/flows/boot.ts'
import type { Release } from '../../src/flows/release.ts'
import { readMemory } from '../../src/flows/remember.ts'
import { TinyGateway } from '../sim/doors/tiny-gateway.ts'
import { AgentBench, BEHAVIOUR, script } from './bench.ts'
import { type Moment, momentsOf, VICTIMS, type Victim } from './moments.ts'

/**
 * The agent as it is run in production, second stage out of the slot and all, is killed with SIGKILL at seeded moments of
 * real updates over mutual TLS, and started again at once. Whatever dies: what runs next is a verified version, once; a
 * good update ends confirmed, a bad one ends with the version before; and the history has no gap.
 */
const SEED = Number(process.env.VOLTSEAL_SEED ?? 20261121)
const MOMENTS = Number(process.env.VOLTSEAL_MOMENTS ?? 10)
const LONG = process.env.VOLTSEAL_MOMENTS !== undefined
/** Moments of one update. At most two of them hit the second stage: a trial has three tries. */
const EACH = 3
/** Every so many updates, one whose application does not work. */
const BAD_EVERY = 4
/** Updates beyond the planned ones, for moments that did not come when they were to. */
const MORE = 4

const AGAIN = `VOLTSEAL_SEED=${SEED} VOLTSEAL_MOMENTS=${MOMENTS} node --test tests/agent/kill.test.ts`

class Run {
  readonly bench: AgentBench
  readonly gateway: TinyGateway
  readonly secondStage: Uint8Array
  readonly releases = new Map<string, Release>()
  readonly struck: Moment[] = []
  confirmed = '1.0.0'
  #trying: string | null = null
  #moments = new Set<Moment>()
  #seen = new Map<string, number>()
  #strikes: Promise<void> = Promise.resolve()
  #timers = new Set<NodeJS.Timeout>()
  readonly faults: string[] = []

  private constructor(bench: AgentBench, gateway: TinyGateway, secondStage: Uint8Array) {
    this.bench = bench
    this.gateway = gateway
    this.secondStage = secondStage
    bench.agent.onEvent = event => this.#said(event)
  }

  static async start(): Promise<Run> {
    const secondStage = await bundleSecondStage()
    const bench = await AgentBench.make({
      secondStage,
      config: {
        probes: { alive: { kind: 'heartbeat', withinMillis: 5_000 } },
        // Far above what a start takes on a busy machine: only what hangs is to be killed.
        watchdogMillis: LONG ? 5_000 : 60_000,
      },
    })
    const gateway = await TinyGateway.start()
    writeWhole(agentFiles(bench.folder).issued, JSON.stringify(await gateway.enrol([bench.request])))
    const run = new Run(bench, gateway, secondStage)
    const serving = bench.agent.next('serving')
    bench.agent.start()
    assert.equal((await serving).stage, 'slot')
    return run
  }

  /** One update under these moments, to its end; answers the moments that did not come. */
  async update(number: number, good: boolean, moments: readonly Moment[]): Promise<Moment[]> {
    const { bench, gateway } = this
    const version = `1.${number}.0`
    const work = good ? BEHAVIOUR.works : BEHAVIOUR.hangs
    const release = await bench.maker.release({
      version,
      sequence: 10 + number,
      counter: 1 + Math.floor(number / 3),
      probes: ['alive'],
      windowMillis: good ? 600 : 400,
      image: script(version, work, 1 + (number % 50)),
      further: [{ name: 'agent', image: Buffer.concat([this.secondStage, Buffer.from(`// ${version}\n`)]) }],
    })
    this.releases.set(version, release)
    this.#trying = version
    this.#seen = new Map()
    this.#moments = new Set(moments)
    const assignment = `update-${number}`
    gateway.work.set('bms-1', {
      assignment,
      envelope: release.envelope,
      image: release.image,
      sha256: release.facts.imageDigest,
      activate: false,
    })
    const ended = new Promise<void>(resolve => {
      gateway.onReport = ({ event, running, state, attempts }) => {
        const given = gateway.work.get('bms-1')
        if (event === 'staged' && given !== undefined) given.activate = true
        const over = good
          ? running.version === version && state === 'stable'
          : attempts.some(one => one.version === version)
        if (!over) return
        gateway.work.delete('bms-1')
        resolve()
      }
    })
    await this.#orLate(ended, `update to ${version} never ended`)
    await this.#settle()
    if (good) this.confirmed = version
    this.#trying = null
    const left = [...this.#moments]
    this.#moments.clear()
    await this.#check(version, good)
    return left
  }

  async close(): Promise<void> {
    this.#moments.clear()
    for (const timer of this.#timers) clearTimeout(timer)
    await this.#strikes.catch(() => {})
    await this.bench.close()
    await this.gateway.close()
  }

  /** Strikes that are due, and their recoveries, are over. */
  async #settle(): Promise<void> {
    while (this.#timers.size > 0) await new Promise(resolve => setTimeout(resolve, 5))
    await this.#strikes
  }

  /** What holds behind every update, while the agent runs. */
  async #check(version: string, good: boolean): Promise<void> {
    assert.deepEqual(this.faults, [], AGAIN)
    const deadline = performance.now() + 30_000
    for (;;) {
      const status = (await this.bench.ask({ do: 'status' })) as { running?: { version: string }; state?: string }
      const applications = this.bench.applications
      if (status.running?.version === this.confirmed && status.state === 'stable' && applications.length === 1) return
      const found = `${JSON.stringify(status)}, applications ${applications}`
      assert.ok(performance.now() < deadline, `${version} (${good}): ${found}; ${AGAIN}`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  #said(event: AgentEvent): void {
    if (event.event === 'boot') {
      // Nothing rots here: golden never runs, and nothing that was not signed and offered does.
      const known = [this.confirmed, this.#trying]
      const allowed = event.slot !== 'golden' && known.includes(event.version)
      if (!allowed) this.faults.push(`boots ${event.version} from ${event.slot}, not one of ${known}`)
    }
    if (event.event === 'halted') this.faults.push(`halted: ${event.reason}`)
    if (event.event === 'application-started') this.#judgeApplication(event.version)
    const times = (this.#seen.get(event.event) ?? 0) + 1
    this.#seen.set(event.event, times)
    for (const moment of this.#moments) {
      if (moment.mark !== event.event || times < moment.nth) continue
      this.#moments.delete(moment)
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        this.#strikes = this.#strikes.then(() => this.#strike(moment))
      }, moment.delay)
      this.#timers.add(timer)
    }
  }

  /** The file that was started is the image that was signed, to the byte. */
  #judgeApplication(version: string): void {
    const release = this.releases.get(version)
    if (release === undefined) return
    const size = release.facts.components[0]?.size ?? 0
    let found: Uint8Array
    try {
      found = readFileSync(join(agentFiles(this.bench.folder).runtime, 'application'))
    } catch {
      return // The next start is replacing it.
    }
    const images = [...this.releases.values()].map(one => one.image.subarray(0, one.facts.components[0]?.size))
    const signed = images.some(image => Buffer.compare(image, found) === 0)
    if (!signed && found.length === size) this.faults.push(`${version} runs bytes that nobody signed`)
  }

  /** Kills, and starts again what nobody else would. */
  async #strike(moment: Moment): Promise<void> {
    const { agent } = this.bench
    this.struck.push(moment)
    const { victim } = moment
    const stage = this.bench.secondStage
    if (victim === 'application') {
      for (const pid of this.bench.applications) kill(pid, 'SIGKILL')
      return
    }
    if (victim === 'second stage' || victim === 'hang') {
      if (stage !== null) kill(stage, victim === 'hang' ? 'SIGSTOP' : 'SIGKILL')
      return
    }
    if (victim === 'both' && stage !== null) kill(stage, 'SIGKILL')
    await agent.kill()
    const booted = agent.next('boot')
    agent.start()
    await booted
  }

  async #orLate(work: Promise<void>, what: string): Promise<void> {
    let late: NodeJS.Timeout | undefined
    const patience = new Promise<never>((_, reject) => {
      late = setTimeout(() => {
        const said = this.bench.agent.events.slice(-20).map(event => JSON.stringify(event))
        reject(new Error(`${what}; ${AGAIN}\n${said.join('\n')}\n${this.bench.agent.tail()}`))
      }, 60_000)
    })
    await Promise.race([work, patience]).finally(() => clearTimeout(late))
  }
}

function kill(pid: number, signal: 'SIGKILL' | 'SIGSTOP'): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

describe(`the agent, killed at ${MOMENTS} moments of seed ${SEED}`, () => {
  it('always runs a verified version, and every update ends as it should', async t => {
    const run = await Run.start()
    try {
      const victims: readonly Victim[] = LONG ? VICTIMS : VICTIMS.filter(victim => victim !== 'hang')
      let waiting = momentsOf(SEED, MOMENTS, victims)
      const planned = Math.ceil(MOMENTS / EACH)
      let number = 0
      while (waiting.length > 0 && number < planned + MORE) {
        number += 1
        const good = number % BAD_EVERY !== 0
        const these = waiting.slice(0, EACH)
        const left = await run.update(number, good, these)
        waiting = [...waiting.slice(EACH), ...left]
      }
      assert.deepEqual(waiting, [], `moments that never came; ${AGAIN}`)
      assert.equal(run.struck.length, MOMENTS)
      assert.equal(await run.bench.agent.stop(), 0)
      assert.deepEqual(run.bench.processes, [])
      judgeBoard(run, number)
      const by = VICTIMS.map(victim => `${run.struck.filter(one => one.victim === victim).length} ${victim}`)
      t.diagnostic(`${run.struck.length} kills in ${number} updates: ${by.join(', ')}`)
    } finally {
      await run.close()
    }
  })
})

/** What the board itself remembers, when nothing runs any more. */
function judgeBoard(run: Run, updates: number): void {
  const entries = run.bench.history()
  assert.deepEqual(
    entries.map(({ decision }) => decision),
    entries.map((_, index) => (entries[0]?.decision ?? 0) + index),
    `a decision is missing; ${AGAIN}`,
  )
  const odd = entries.filter(({ event }) => ['dropped', 'fallback', 'golden', 'halt'].includes(event))
  assert.deepEqual(odd, [], AGAIN)
  const bad = Math.floor(updates / BAD_EVERY)
  const told = (event: string): number => entries.filter(entry => entry.event === event).length
  // The oldest decisions of a long run have left the ring.
  if (entries[0]?.event === 'manufactured') {
    assert.deepEqual([told('confirmed'), told('reverted')], [updates - bad, bad], AGAIN)
  }
  run.bench.owned(board => {
    const memory = readMemory(board)
    assert.equal(memory?.state.at, 'stable')
    const active = memory.state.at === 'stable' ? memory.state.active : 'a'
    const image = verify(board, active)
    assert.ok(!isRefusal(image), AGAIN)
    assert.equal(image.facts.version, run.confirmed)
    assert.equal(board.element.counter(), image.facts.counter, 'the counter is the confirmed image’s')
  })
}
