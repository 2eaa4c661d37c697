import { existsSync } from 'node:fs'
import { list, Misfit, object, text, whole, word } from '../../../src/core/encoding/shape.ts'
import { isRefusal, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'
import { type Application, applicationWith, type Behaviour } from '../../controller/application.ts'
import type { SimController } from '../../controller/sim-controller.ts'
import type { FlashFault, FlashOperation } from '../../flash/faults.ts'
import { readJson, siteFiles } from './folder.ts'
import type { SiteNotes } from './notes.ts'

/** A loss of power: while the image is written, or while the trial boot writes its record. It happens once. */
export type Cut = { readonly controller: string; readonly during: 'write' | 'boot'; readonly darkMillis: number }

/** What goes wrong at a site, as `faults.json` says: images that do not work, by their SHA-256, and losses of power. */
export type Faults = {
  /** What images do on a controller: one may not work on any, or on this one alone. */
  readonly applicationOf: (controller: string) => Application
  readonly cuts: readonly Cut[]
}

const cutShape = object({
  controller: text('a controller', /^[a-z0-9._-]{1,64}$/),
  during: word('write', 'boot'),
  darkMillis: whole(0, 3_600_000),
})
const faultsShape = object({}, { cuts: list(cutShape, 0, 1000) })
const behaviourShape = object(
  { is: word('healthy', 'unhealthy', 'hanging') },
  { probe: text('a probe', /^[\w.-]{1,64}$/), only: list(text('a controller', /^[a-z0-9._-]{1,64}$/), 1, 1000) },
)
type Written = Behaviour & { readonly only?: readonly string[] }

/** Reads the faults of a site; none when there is no file. Refuses `config-malformed`, `file-unreadable`. */
export function readFaults(folder: string): Faults | Refusal {
  const path = siteFiles(folder).faults
  if (!existsSync(path)) return { applicationOf: () => applicationWith({}), cuts: [] }
  const value = readJson(path)
  if (isRefusal(value)) return value
  const { unhealthy = {}, ...rest } = Object(value) as { unhealthy?: Readonly<Record<string, unknown>> }
  const read = faultsShape(rest, '')
  if (read instanceof Misfit) return refuse('config-malformed', path, read.expected, `${read.actual} at ${read.at}`)
  for (const [digest, behaviour] of Object.entries(unhealthy)) {
    const misfit = behaviourShape(behaviour, `unhealthy.${digest}`)
    if (misfit instanceof Misfit) {
      return refuse('config-malformed', path, misfit.expected, `${misfit.actual} at ${misfit.at}`)
    }
  }
  const images = Object.entries(unhealthy as Readonly<Record<string, Written>>)
  const applicationOf = (controller: string): Application =>
    applicationWith(Object.fromEntries(images.filter(([, { only }]) => only?.includes(controller) !== false)))
  return { applicationOf, cuts: read.cuts ?? [] }
}

/** What the controller is busy with: the moment that a cut waits for. */
export type Busy =
  | { readonly at: 'nothing' }
  | { readonly at: 'writing'; readonly slot: 'a' | 'b'; readonly total: number }
  | { readonly at: 'starting-trial' }

/**
 * Watches a controller's flash, and takes its power away where the site's faults say so: in the middle of the image,
 * inside a program; or inside the record that the trial boot writes. Each cut happens once, over restarts too.
 */
export class Cuts {
  #busy: Busy = { at: 'nothing' }
  #records = 0
  #dark = 0
  readonly #controller: SimController
  readonly #cuts: readonly Cut[]
  readonly #notes: SiteNotes

  constructor(controller: SimController, cuts: readonly Cut[], notes: SiteNotes) {
    this.#controller = controller
    this.#cuts = cuts.filter(cut => cut.controller === controller.id)
    this.#notes = notes
    if (this.#cuts.length > 0) controller.flash.faults = operation => this.#fault(operation)
  }

  /** Runs a piece of work of the controller, in which a cut may strike. */
  during<T>(busy: Busy, work: () => T): T {
    this.#busy = busy
    this.#records = 0
    try {
      return work()
    } finally {
      this.#busy = { at: 'nothing' }
    }
  }

  /** How long the power stays away after the cut that struck last. */
  get darkMillis(): number {
    return this.#dark
  }

  #fault(operation: FlashOperation): FlashFault | null {
    const during = this.#moment(operation)
    if (during === null) return null
    const index = this.#cuts.findIndex((cut, at) => cut.during === during && !this.#notes.hasCut(this.#name(cut, at)))
    const cut = this.#cuts[index]
    if (cut === undefined) return null
    // If the process is killed here, its own death is the cut: it is not repeated.
    this.#notes.addCut(this.#name(cut, index))
    this.#dark = cut.darkMillis
    return { cut: 'inside', share: 0.5 }
  }

  #moment(operation: FlashOperation): Cut['during'] | null {
    const busy = this.#busy
    if (operation.kind !== 'program' || busy.at === 'nothing') return null
    if (busy.at === 'writing') {
      const middle = this.#controller.board.device.imageOffset + busy.total / 2
      return operation.area === busy.slot && operation.offset + operation.length > middle ? 'write' : null
    }
    if (operation.area !== 'record0' && operation.area !== 'record1') return null
    this.#records += 1
    // The first record arms the candidate, the second is the trial boot's.
    return this.#records === 2 ? 'boot' : null
  }

  #name(cut: Cut, index: number): string {
    return `${cut.controller}/${cut.during}/${index}`
  }
}
