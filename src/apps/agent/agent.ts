import type { Server } from 'node:net'
import { readText } from '../../adapters/config-file.ts'
import { HttpsClient } from '../../adapters/link-https/client.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { RefusalCode } from '../../core/refusal/registry.ts'
import type { ResetCause } from '../../core/slot/slot.ts'
import { type Board, type Running, verify } from '../../flows/boot.ts'
import type { Clock } from '../../flows/ports.ts'
import { history } from '../../flows/remember.ts'
import type { AgentConfig } from '../../wire/agent-config.ts'
import { Application } from './application.ts'
import { type BoardFile, readBoardFile } from './board-file.ts'
import { type ControlParts, serveControl } from './control.ts'
import { Device } from './device.ts'
import type { Note } from './events.ts'
import { agentFiles, readAgentConfig } from './files.ts'
import { watchGolden } from './golden.ts'
import { type Handover, RESTART, STOPPED } from './handover.ts'
import { APPLICATION, copyOut, holds } from './images.ts'
import { type LinuxBoard, openBoard } from './linux-board.ts'
import { Runtime } from './runtime.ts'
import { watchTrial } from './trial.ts'
import { Work } from './work.ts'

export type AgentParts = {
  readonly handover: Handover
  readonly clock: Clock
  readonly note: Note
  readonly log: (stream: 'stdout' | 'stderr', line: string) => void
  readonly stop: AbortController
  readonly random: () => number
  /** Which code this is: of the slot, or installed with the package. */
  readonly stage: 'slot' | 'installed'
}

/** Why an application is not started whose slot does not hold any more what was verified at the boot. */
const ROTTEN: ReadonlySet<string> = new Set<RefusalCode>(['slot-unreadable', 'slot-image-damaged'])
/** Between two boots that a rotten slot asks for, in milliseconds. */
const BETWEEN_RESTARTS = 10_000

/**
 * The second stage: owns the board while what was booted runs. It runs the application, watches a trial, speaks to the
 * gateway and to whoever is on the spot. Answers how the process ends: STOPPED, or RESTART when it is to be booted again.
 * Throws for dead I/O: the boot stage then boots again as after a fault.
 */
export async function runAgent(parts: AgentParts): Promise<number | Refusal> {
  const { folder, slot } = parts.handover
  const made = readBoardFile(folder)
  if (isRefusal(made)) return made
  const config = readAgentConfig(folder)
  if (isRefusal(config)) return config
  const owned = openBoard(folder, made, trouble => parts.note({ event: 'flash-failing', ...trouble }))
  if (isRefusal(owned)) return owned
  try {
    // The boot stage said which slot runs; what is in it is read and verified here once more, and nothing is believed.
    const image = verify(owned.board, slot)
    if (isRefusal(image)) return image
    const running: Running = { slot, trial: parts.handover.trial, facts: image.facts, signers: image.signers }
    return await operate(parts, made, config, owned, running)
  } finally {
    owned.close()
  }
}

async function operate(
  { handover, clock, note, log, stop, random, stage }: AgentParts,
  made: BoardFile,
  config: AgentConfig,
  owned: LinuxBoard,
  running: Running,
): Promise<number> {
  const { folder } = handover
  const { board } = owned
  const { facts, slot, trial } = running
  const device = new Device({ folder, made, config, board, running, clock })
  const runtime = new Runtime(folder, made.token, config)
  let armed = false
  const restart = (): void => {
    armed = true
    stop.abort()
  }
  const application = new Application({
    config: config.application,
    token: made.token,
    version: facts.version,
    slot,
    trial,
    prepare: () => {
      const program = runtime.place('application', 0o555, (target, mode) =>
        copyOut(board, slot, facts, APPLICATION, target, mode),
      )
      // What runs has rotted since it was booted: the boot decides anew, and finds another image.
      if (isRefusal(program) && ROTTEN.has(program.code) && !tooSoon(handover.cause)) restart()
      return program
    },
    note,
    log,
  })
  device.counts(() => ({ 'application-ends': application.ends }))
  const about = () => ({
    class: made.device.class,
    hardware: made.device.hardware,
    application: application.pid,
    stage,
  })
  const control = await openControl(agentFiles(folder).control, { device, note, restart, about })
  note({ event: 'serving', slot, version: facts.version, stage })
  // Golden reconnects and asks for an update. It starts nothing that could move the plant.
  if (slot === 'golden') void watchGolden(board, { stop: stop.signal, restart })
  if (slot !== 'golden' && holds(facts, APPLICATION)) application.start()
  try {
    const link = linkOf(folder, made, owned, { device, config, note, stop: stop.signal, random })
    if (isRefusal(link)) note({ event: 'waiting', code: link.code, detail: link.actual })
    const work = isRefusal(link) ? null : link
    work?.reporter.say({ event: firstWord(board) })
    if (trial) {
      const ended = await watchTrial({ folder, device, application, config, note, stop: stop.signal })
      if (ended === 'restart') return RESTART
      if (ended === 'confirmed') work?.reporter.say({ event: 'confirmed' })
    }
    if (work === null) await untilAborted(stop.signal)
    else if ((await work.run()) === 'restart') return RESTART
    return armed ? RESTART : STOPPED
  } finally {
    stop.abort()
    control?.close()
    await application.stop()
  }
}

/**
 * True within a while of a boot that a second stage asked for. If flash reads well at each boot and badly behind it, the
 * controller would boot without end; so it tries to start the application again before it asks once more.
 */
const tooSoon = (cause: ResetCause): boolean => cause === 'software' && performance.now() < BETWEEN_RESTARTS

/** Without its socket the controller cannot be spoken to on the spot, and works all the same. */
async function openControl(path: string, parts: ControlParts): Promise<Server | null> {
  try {
    return await serveControl(path, parts)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    parts.note({ event: 'not-written', file: path, code })
    return null
  }
}

/** What the gateway is told first: how the trial before this boot ended, where that is what the boot came from. */
function firstWord(board: Board): 'boot' | 'reverted' {
  const [before, last] = history(board).entries.slice(-2)
  return last?.event === 'reverted' || (last?.event === 'boot' && before?.event === 'reverted') ? 'reverted' : 'boot'
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve())
  })
}

/** The link to the gateway. Refuses `gateway-not-enrolled`: then the controller is updated on the spot alone. */
function linkOf(
  folder: string,
  made: BoardFile,
  { element }: LinuxBoard,
  parts: Omit<ConstructorParameters<typeof Work>[0], 'client'>,
): Work | Refusal {
  const text = readText(agentFiles(folder).issued, 1 << 20)
  const issued = typeof text === 'string' ? readIssued(text, made.id) : null
  if (issued === null) {
    const got = typeof text === 'string' ? 'one that is not of this controller' : 'none: updates on the spot alone'
    return refuse('gateway-not-enrolled', folder, 'an issued.json from the fleet', got)
  }
  const client = new HttpsClient(issued.url, { ca: issued.ca, cert: issued.cert, key: element.identityKeyPem }, 3)
  parts.stop.addEventListener('abort', () => client.close())
  return new Work({ ...parts, client })
}

function readIssued(text: string, id: string): { url: string; ca: string; cert: string } | null {
  try {
    const { gateway, siteCa: ca, controllers } = Object(JSON.parse(text)) as Record<string, unknown>
    const { url } = Object(gateway) as { url?: unknown }
    const { cert } = Object((Object(controllers) as Record<string, unknown>)[id]) as { cert?: unknown }
    return typeof url === 'string' && typeof ca === 'string' && typeof cert === 'string' ? { url, ca, cert } : null
  } catch {
    return null
  }
}
