import { steadyOf } from '../../adapters/clock-system.ts'
import { readText, writeWhole } from '../../adapters/config-file.ts'
import type { ReleaseFacts } from '../../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { atLeast } from '../../core/slot/health-machine.ts'
import type { HistoryEntry } from '../../core/slot/history.ts'
import type { Memory } from '../../core/slot/memory.ts'
import { other } from '../../core/slot/slot.ts'
import { type ControllerStatus, statusOf } from '../../core/slot/status.ts'
import type { Step } from '../../core/slot/steps.ts'
import type { Figures } from '../../core/trust/figures.ts'
import type { PatchRef } from '../../core/trust/image-target.ts'
import { type Board, type Running, verify } from '../../flows/boot.ts'
import { arm, beginInstallBySteps, type Installation, type Offer, updateMark } from '../../flows/install.ts'
import { beginPatch, type Patching } from '../../flows/patch.ts'
import type { Clock } from '../../flows/ports.ts'
import { history, readMemory } from '../../flows/remember.ts'
import type { SealedPatching } from '../../flows/sealed-patch.ts'
import { type AgentConfig, leastTrial, patchMemory } from '../../wire/agent-config.ts'
import { unlessNotWritten } from '../process/disk.ts'
import type { BoardFile } from './board-file.ts'
import { bySteps } from './by-steps.ts'
import { agentFiles, readAgentConfig } from './files.ts'
import { writeBaseline } from './probes/baseline.ts'
import { lackOf, takeFigures } from './probes/probes.ts'

export type DeviceParts = {
  readonly folder: string
  readonly made: BoardFile
  readonly config: AgentConfig
  readonly board: Board
  readonly running: Running
  readonly clock: Clock
}

type Extra = {
  readonly further?: ((facts: ReleaseFacts) => Refusal | null) | undefined
  readonly tell?: (step: Step) => void
}

/** The controller that a second stage runs on: its board, what runs, and what it works on. One thing at a time. */
export class Device {
  readonly board: Board
  readonly id: string
  readonly site: string
  readonly clock: Clock
  readonly #folder: string
  readonly #made: BoardFile
  readonly #config: AgentConfig
  #running: Running
  #golden: ReleaseFacts | null | undefined
  #assignment: string | null
  #turn: Promise<unknown> = Promise.resolve()
  #generation = 0
  #counts: () => Figures = () => ({})

  constructor({ folder, made, config, board, running, clock }: DeviceParts) {
    this.board = board
    this.id = made.id
    this.site = made.site
    this.clock = clock
    this.#folder = folder
    this.#made = made
    this.#config = config
    this.#running = running
    const assignment = readText(agentFiles(folder).assignment, 1024)
    this.#assignment = typeof assignment === 'string' && assignment !== '' ? assignment : null
  }

  get running(): Running {
    return this.#running
  }

  get memory(): Memory | null {
    return readMemory(this.board)
  }

  /** The trial image was confirmed: it runs as what it is. */
  confirmed(): void {
    this.#running = { ...this.#running, trial: false }
  }

  /** Rises when work that is under way shall end: somebody on the spot takes the slot. */
  get generation(): number {
    return this.#generation
  }

  /** Runs work on the inactive slot, alone, when the work before it has ended; `first` tells that one to end. */
  takeSlot<T>(first: boolean, work: () => Promise<T>): Promise<T> {
    if (first) this.#generation += 1
    const turn = this.#turn.then(work, work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  /**
   * Begins or goes on with an installation. `assignment`: the gateway's name of the work, null for somebody's on the spot.
   * `further`: what else is asked of the release before its slot is touched; `tell` hears each step. Others come to their turn between
   * two steps, but nobody else at the slot: `takeSlot`.
   * Refuses what `beginInstall` refuses, `probe-missing`, `no-space`, `file-not-permitted`, and what `further` does.
   */
  async begin(offer: Offer, assignment: string | null, extra: Extra = {}): Promise<Installation | Refusal> {
    const { further = () => null, tell = () => {} } = extra
    // With a config that cannot be read the update may be staged; `activate` refuses to restart into it.
    const now = readAgentConfig(this.#folder)
    const config = isRefusal(now) ? this.#config : now
    const judged = (facts: ReleaseFacts): Refusal | null => {
      const { class: of, version, health } = facts
      const lack = lackOf(atLeast(health, leastTrial(config)).probes, config.probes, `release ${of} ${version}`)
      return lack === null ? further(facts) : isRefusal(now) ? now : lack
    }
    const steps = beginInstallBySteps(this.board, this.#running, offer, this.clock.now(), judged)
    const installation = await bySteps(steps, tell)
    if (isRefusal(installation) || assignment === this.#assignment) return installation
    // If power fails here, the next report names the work before; never a part of a name.
    const file = agentFiles(this.#folder).assignment
    const unwritten = unlessNotWritten(file, () => writeWhole(file, assignment ?? '', 0o600))
    if (unwritten !== null) return unwritten
    this.#assignment = assignment
    return installation
  }

  /** Marks what was taken a candidate, as `Installation.finish` does, by steps. */
  finish(installation: Installation, tell: (step: Step) => void = () => {}): Promise<ReleaseFacts | Refusal> {
    return bySteps(installation.finishBySteps(this.clock.now()), tell)
  }

  /** Bytes of memory for a patch, as `agent.yaml` says now; null: none is applied here. */
  get patchMemory(): number | null {
    const now = readAgentConfig(this.#folder)
    return patchMemory(isRefusal(now) ? this.#config : now)
  }

  /** Goes on with an installation by a patch. Refuses what `beginPatch` refuses. */
  beginPatch(installation: Installation, patch: PatchRef, memory: number): Patching | SealedPatching | Refusal {
    return beginPatch(this.board, this.#running, installation, patch, memory)
  }

  /**
   * The site's word: takes the figures that the candidate will be held against, then arms it. Both are durable on
   * return, in this order; the caller restarts the controller. The second stage of the trial reads `agent.yaml` anew, so
   * one that it could not start with, or that lacks a probe of the candidate, is found here: a good image is not given up
   * for it. `until`: by its steady counter, when the turn is over; null: somebody at the site asks, and answers for it.
   * Refuses `turn-over`, what `readAgentConfig` refuses, `probe-missing`, `baseline-missing`, `no-space`, `file-not-permitted` and what `arm` refuses.
   */
  async activate(until: number | null): Promise<Memory | Refusal> {
    const { memory } = this
    if (memory?.state.at === 'candidate') {
      const candidate = verify(this.board, other(memory.state.active))
      // One that has rotted is armed nevertheless: the next boot finds it so, drops it and writes that down.
      const config = readAgentConfig(this.#folder)
      if (isRefusal(config)) return config
      const names = isRefusal(candidate) ? [] : atLeast(candidate.facts.health, leastTrial(config)).probes
      const { probes } = config
      const lack = lackOf(names, probes, 'the release that is staged')
      if (lack !== null) return lack
      const figures = await takeFigures(names, { probes, mark: this.mark })
      if (isRefusal(figures)) return figures
      // If power fails between the two, nothing is armed, and the figures are taken again.
      const { baseline } = agentFiles(this.#folder)
      const unwritten = unlessNotWritten(baseline, () => writeBaseline(baseline, { update: memory.update, figures }))
      if (unwritten !== null) return unwritten
    }
    // Last of all: whoever was before it at the slot, and the figures, may have taken long.
    const now = steadyOf(this.clock)()
    if (until !== null && now > until) {
      return refuse('turn-over', this.id, 'a restart in its turn', `one ${Math.ceil(now - until)} ms behind it`)
    }
    return arm(this.board, this.clock.now())
  }

  /** What reports count beside the decisions of the boot chain. */
  counts(figures: () => Figures): void {
    this.#counts = figures
  }

  /** True when this is the update that the boot record names: the one under way or done last. */
  knows(update: string): boolean {
    return this.memory?.update === updateMark(this.board, update)
  }

  /** What marks the processes of this board. */
  get mark(): Readonly<Record<string, string>> {
    return { VOLTSEAL_BOARD: this.#made.token }
  }

  /** What its ring has, oldest first. */
  history(): readonly HistoryEntry[] {
    return history(this.board).entries
  }

  status(): ControllerStatus | Refusal {
    const { memory } = this
    if (memory === null) return refuse('boot-record-missing', this.id, 'a boot record', 'none')
    return statusOf({
      controller: this.id,
      running: this.#running,
      memory,
      golden: this.#goldenFacts(),
      counter: this.board.element.counter(),
      anchors: this.board.element.anchors(),
      entries: this.history(),
      assignment: this.#assignment,
      figures: this.#counts(),
    })
  }

  #goldenFacts(): ReleaseFacts | null {
    if (this.#golden === undefined) {
      const golden = verify(this.board, 'golden')
      this.#golden = isRefusal(golden) ? null : golden.facts
    }
    return this.#golden
  }
}
