import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import { World } from '../../sim/doors/world.ts'
import type { CampaignView, ControllerView } from '../../src/wire/fleet-views.ts'
import {
  type Expected,
  judgeCampaign,
  judgeCheckpoints,
  judgeDevices,
  judgeFiles,
  judgeLog,
  judgeOutbox,
  judgeReports,
} from './judge.ts'
import { Fates, type Moment, momentsOf, type Victim } from './moments.ts'
import { type Line, Program, Undertaker } from './processes.ts'
import { Witness } from './witness.ts'

/**
 * The three programs, as they are run in production, are killed at seeded moments of real campaigns and started again
 * at once. Every campaign must end with every controller confirmed, and the log must hold each step exactly once.
 */
const SEED = Number(process.env.VOLTSEAL_SEED ?? 20261120)
const MOMENTS = Number(process.env.VOLTSEAL_MOMENTS ?? 20)
/** Moments of one campaign. */
const EACH = 4
/** Campaigns beyond the planned ones, for moments that did not come when they were to. */
const MORE = 3

const SITE = {
  site: 'quay',
  name: 'Quay',
  region: 'nl-west',
  zone: 'Europe/Amsterdam',
  vendor: 'voltworks.example',
  gateway: { id: 'quay-gateway' },
  links: [{ id: 'lan', kind: 'ethernet' }],
  classes: {
    bms: { hardware: 'primehub', slot: '768KiB', bootloader: 1 },
    pcs: { hardware: 'essentialhub', slot: '768KiB', bootloader: 1 },
  },
  controllers: [
    { id: 'bms-1', class: 'bms', link: 'lan' },
    { id: 'bms-2', class: 'bms', link: 'lan' },
    { id: 'pcs-1', class: 'pcs', link: 'lan' },
  ],
}
const CONTROLLERS = SITE.controllers.map(({ id }) => id)
const CLASSES = Object.keys(SITE.classes)
const IMAGE = 600 * 1024

/** An image that no other campaign and no other class has. */
function image(number: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(IMAGE)
  let state = (number * 16 + salt + 1) >>> 0
  for (let at = 0; at < bytes.length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

/** What a server that is away makes a command say; anything else is a finding. */
const AWAY = ['not-reachable', 'answer-too-slow']
/** What a command says when it was carried out before, and the answer was lost. */
const BEFORE = ['campaign-already-approved', 'campaign-already-started', 'campaign-ended']

class Run {
  readonly world: World
  readonly undertaker = new Undertaker()
  readonly programs: Readonly<Record<Victim, Program>>
  readonly witness: Witness
  readonly answered = new Map<string, number[]>()
  readonly failures: unknown[] = []
  readonly campaigns: Expected[] = []
  struck: Moment[] = []
  #fates: Fates | null = null
  #strikes: Promise<void>[] = []

  private constructor(world: World) {
    this.world = world
    const logs = world.at('logs')
    mkdirSync(logs)
    const program = (name: Victim, argv: string[]): Program =>
      new Program(name, argv, `${logs}/${name}.log`, this.undertaker, line => this.#said(line))
    this.programs = {
      fleet: program('fleet', ['src/apps/cli/main.ts', 'fleet', 'serve', world.at('fleet')]),
      gateway: program('gateway', ['src/apps/cli/main.ts', 'gateway', 'serve', world.at('gateway')]),
      site: program('site', ['sim/doors/site.ts', 'serve', world.at('site')]),
    }
    this.witness = new Witness(world.at('fleet', 'profile'), ({ kind }) => this.#fates?.mark(`log ${kind}`))
  }

  static async start(): Promise<Run> {
    const factory = Object.fromEntries(CLASSES.map((name, salt) => [name, image(0, salt)]))
    const world = await World.make({ site: SITE, factory })
    await world.startFleet()
    await world.enrol()
    await world.fleet?.close()
    world.fleet = null
    const run = new Run(world)
    await run.programs.fleet.start()
    await run.programs.gateway.start()
    await run.programs.site.start()
    run.witness.start()
    await world.reported()
    return run
  }

  /** A whole campaign under these moments; answers those that did not come. */
  async campaign(number: number, moments: readonly Moment[]): Promise<Moment[]> {
    const { world } = this
    const id = `update-${number}`
    const releases: string[] = []
    for (const [salt, name] of CLASSES.entries()) {
      releases.push(await world.release(name, `1.0.${number}`, image(number, salt)))
    }
    const paths = CLASSES.map(name => `${name}/1.0.${number}/envelope.suit`)
    this.#fates = new Fates(moments, moment => this.#strike(moment))
    await this.#command('publish', ...releases, '--key', world.at('keys', 'release'))
    const wanted = paths.flatMap(path => ['--release', path])
    await this.#command('campaign', 'create', '--id', id, '--soak', '100ms', ...wanted)
    await this.#command(
      ...['campaign', 'approve', id, '--key', world.at('keys', 'approver-0')],
      ...['--profile', world.profileOf('approver-0')],
    )
    await this.#command('campaign', 'start', id)
    const view = await this.#end(id)
    const states = view.controllers.map(({ controller, state }) => `${controller} ${state}`).sort()
    assert.deepEqual([view.state, ...states], ['done', ...CONTROLLERS.map(name => `${name} confirmed`)])
    await Promise.all(this.#strikes)
    this.#strikes = []
    const left = this.#fates.left
    this.#fates = null
    const blobs = 2 * CLASSES.length + 1
    this.campaigns.push({ id, controllers: CONTROLLERS, waves: 2, blobs, releases: CLASSES.length })
    return left
  }

  /** Everything is settled: the log has stopped growing. */
  async settle(): Promise<void> {
    const { checkpoints } = this.witness
    for (let quiet = 0, size = checkpoints.size; quiet < 10; quiet += 1) {
      await new Promise(resolve => setTimeout(resolve, 100))
      if (checkpoints.size !== size) quiet = 0
      size = checkpoints.size
    }
  }

  /** Ends the programs in order. Each must end when it is told to; all are ended, whichever does not. */
  async stop(): Promise<void> {
    const { site, gateway, fleet } = this.programs
    for (const program of [site, gateway, fleet]) await program.stop().catch(error => void this.failures.push(error))
  }

  async #command(...argv: string[]): Promise<void> {
    this.#fates?.mark(`cli ${argv[0] === 'campaign' ? argv.slice(0, 2).join(' ') : argv[0]}`)
    const end = performance.now() + 60_000
    for (;;) {
      const { exit, json, said } = await this.world.run(...argv)
      if (exit === 0) return
      const { code } = Object(json) as { code?: string }
      if (code !== undefined && BEFORE.includes(code)) return
      assert.ok(code !== undefined && AWAY.includes(code), `voltseal ${argv.join(' ')}: ${said}`)
      assert.ok(performance.now() < end, `voltseal ${argv.join(' ')} never got through: ${said}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  async #end(id: string): Promise<CampaignView> {
    const end = performance.now() + 90_000
    let last: unknown = null
    while (performance.now() < end) {
      if (this.failures.length > 0) throw this.failures[0]
      const { exit, json } = await this.world.run('campaign', 'show', id)
      if (exit === 0) last = json
      const view = json as CampaignView
      if (exit === 0 && ['done', 'halted', 'paused'].includes(view.state)) return view
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    throw new Error(`${id} does not end: ${JSON.stringify(last)}`)
  }

  #strike(moment: Moment): void {
    this.struck.push(moment)
    const strike = this.programs[moment.victim].strike(moment.down)
    this.#strikes.push(strike.catch(error => void this.failures.push(error)))
  }

  #said(line: Line): void {
    if (line.event === 'reported') {
      const controller = String(line.controller)
      this.answered.set(controller, [...(this.answered.get(controller) ?? []), Number(line.sequence)])
    }
    if (line.event !== 'boot' || line.trial === true) this.#fates?.mark(`site ${line.event}`)
  }
}

const shown = ({ victim, mark, nth, delay, down }: Moment): string =>
  `kill ${victim} ${delay} ms after the ${nth}. "${mark}", down for ${down} ms`

describe('kill -9', () => {
  it(`at ${MOMENTS} seeded moments: every campaign finishes, nothing is lost, nothing is done twice`, async context => {
    const moments = momentsOf(SEED, MOMENTS)
    const reproducer = `VOLTSEAL_SEED=${SEED} VOLTSEAL_MOMENTS=${MOMENTS} node --test tests/crash/kill.test.ts`
    context.diagnostic(reproducer)
    const run = await Run.start()
    try {
      let waiting: Moment[] = moments
      let number = 0
      const limit = Math.ceil(MOMENTS / EACH) + MORE
      while (waiting.length > 0) {
        number += 1
        assert.ok(number <= limit, `moments that never came: ${waiting.map(shown).join('; ')}`)
        const late = await run.campaign(number, waiting.slice(0, EACH))
        waiting = [...late, ...waiting.slice(EACH)]
      }
      await run.settle()
      await judge(run)
      const restarts = Object.values(run.programs).flatMap(program => program.restarts)
      const slowest = Math.max(...restarts).toFixed(0)
      context.diagnostic(`${restarts.length} kills in ${number} campaigns; ready again in at most ${slowest} ms`)
    } catch (error) {
      // The line that repeats it, and what had happened: a failed run must not need a second one to be understood.
      console.error(`${reproducer}\n${run.struck.map(shown).join('\n')}\nlogs: ${run.world.at('logs')}`)
      throw error
    } finally {
      await run.witness.stop().catch(() => {})
      await run.stop()
      await run.undertaker.close()
    }
    await run.world.stop()
  })
})

async function judge(run: Run): Promise<void> {
  const { world, witness } = run
  assert.deepEqual(run.failures, [])
  assert.equal(run.struck.length, MOMENTS)
  const controllers = (await world.must('controller', 'list')) as ControllerView[]
  const version = `1.0.${run.campaigns.length}`
  const stands = controllers.map(one => `${one.id} ${one.version} ${one.state}`).sort()
  assert.deepEqual(
    stands,
    CONTROLLERS.map(id => `${id} ${version} stable`),
  )
  await witness.stop()
  const verdict = (await world.must('audit', 'verify')) as { sound: boolean; size: number; findings: unknown[] }
  assert.deepEqual([verdict.sound, verdict.findings], [true, []])
  assert.equal(verdict.size, witness.entries.length)
  assert.deepEqual(witness.contradictions, [])
  await run.stop()
  assert.deepEqual(run.failures, [])
  const { entries } = witness
  for (const campaign of run.campaigns) judgeCampaign(entries, campaign)
  judgeLog(entries, run.campaigns)
  judgeReports(entries, run.answered)
  judgeCheckpoints(entries, witness.checkpoints)
  judgeOutbox(world.at('gateway', 'gateway.sqlite'), entries)
  judgeDevices(world.at('site'), run.campaigns.length)
  judgeFiles(world.folder)
}
