import type { FlashFault, FlashOperation } from '../../sim/flash/faults.ts'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import type { ElementCommand } from '../../sim/secure-element/sim-element.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { arm } from '../../src/flows/install.ts'
import type { Release } from '../../src/flows/release.ts'
import { readMemory } from '../../src/flows/remember.ts'
import { type Bench, imageOf, release, settle, update, V2 } from '../../tests/sim/bench-board.ts'
import { type Moment, momentAfter } from '../../tests/sim/interrupting.ts'
import { table } from './markdown.ts'

/**
 * What a cut at each step of an update leaves, as the simulated board shows it: a device that has been updated before is
 * updated again, the power goes before, inside and after each operation, and the next boot is looked at.
 */

const PIECE = 512
const NEW: Release = await release('4.0.0', 40, { counter: 3, image: imageOf(40, 2_700) })
const OFFER = { envelope: NEW.envelope, update: 'update-4.0.0' }
const OLD: Moment = momentAfter(on => update(on, V2))

/** An update as it goes when nothing happens. */
const STEPS: readonly (readonly [name: string, work: (on: Bench) => void])[] = [
  ['begin', on => orThrow(on.controller.begin(OFFER))],
  [
    'download',
    on => {
      for (let at = 0; at < NEW.image.length; at += PIECE) {
        orThrow(on.controller.write(at, NEW.image.subarray(at, at + PIECE)))
      }
    },
  ],
  ['stage', on => orThrow(on.controller.finish())],
  ['arm', on => orThrow(arm(on.controller.board, on.clock.now()))],
  ['trial boot', on => on.controller.powerUp('software')],
  ['confirm', on => settle(on)],
  ['next boot', on => on.controller.powerUp('software')],
]

const ELEMENT = 'secure element'
const elementName = (command: ElementCommand): string => `${ELEMENT}: ${command}`
const AREAS: Readonly<Record<string, string>> = {
  record0: 'record',
  record1: 'record',
  history: 'history',
  a: 'slot a',
}
type Operation = { readonly step: string; readonly name: string }

const nameOf = ({ kind, area, offset }: Pick<FlashOperation, 'kind' | 'area' | 'offset'>): string => {
  if (area === 'a' && kind === 'program')
    return offset === 0 ? 'slot a: program header and envelope' : 'slot a: program image'
  return `${AREAS[area]}: ${kind}`
}

type Way = 'before' | 'inside' | 'after'
const WAYS: readonly Way[] = ['before', 'inside', 'after']
const faultOf = (way: Way): FlashFault => (way === 'inside' ? { cut: 'inside', share: 0.5 } : { cut: way })

/** Runs an update, and cuts its n-th operation; operations of flash and of the secure element are counted together. */
function run(on: Bench, cut: { readonly at: number; readonly way: Way } | null): Operation[] {
  const seen: Operation[] = []
  let step = ''
  const hit = (name: string): boolean => {
    seen.push({ step, name })
    return cut !== null && seen.length - 1 === cut.at
  }
  on.controller.flash.faults = operation => {
    if (operation.kind !== 'program' && operation.kind !== 'erase') return null
    return hit(nameOf(operation)) && cut !== null ? faultOf(cut.way) : null
  }
  on.controller.element.faults = command =>
    hit(elementName(command)) && cut !== null ? (cut.way === 'before' ? 'before' : 'after') : null
  try {
    for (const [name, work] of STEPS) {
      step = name
      work(on)
    }
  } catch (error) {
    if (!(error instanceof PowerLost)) throw error
  } finally {
    on.controller.flash.faults = () => null
    on.controller.element.faults = () => null
  }
  return seen
}

/** What the boot behind a cut finds and runs, and what is left of the download. */
function aftermath(on: Bench): string {
  on.controller.powerUp('power-loss')
  const running = on.controller.running()
  const memory = readMemory(on.controller.board)
  if (running === null || memory === null) throw new Error('a cut left nothing that runs')
  const image = running.facts.version === NEW.facts.version ? 'the new image' : 'the old image'
  if (running.trial) return `${image}, on trial`
  if (image === 'the new image') return `${image}; counter ${on.controller.element.counter()}`
  if (memory.state.at !== 'stable') return `${image}; ${memory.state.at}`
  const again = on.controller.begin(OFFER)
  if (isRefusal(again)) return `${image}; ${again.code}`
  return `${image}; ${again.offset === 0 ? 'download anew' : 'download goes on'}`
}

/** The table: operations of a step that leave the same stand in one row. */
export function cutSteps(): string {
  const operations = run(OLD(), null)
  const rows: { step: string; name: string; times: number; left: readonly string[] }[] = []
  for (const [at, { step, name }] of operations.entries()) {
    const left = WAYS.map(way => {
      // A command of the secure element is done or not: it has no half.
      if (name.startsWith(ELEMENT) && way === 'inside') return '–'
      const on = OLD(at + 1)
      run(on, { at, way })
      return aftermath(on)
    })
    const last = rows.at(-1)
    if (last?.step === step && last.name === name && last.left.join() === left.join()) last.times += 1
    else rows.push({ step, name, times: 1, left })
  }
  return table(
    ['step', 'operation', 'cut before', 'cut half-way', 'cut after'],
    rows.map(({ step, name, times, left }) => [step, times > 1 ? `${name}, ${times} times` : name, ...left]),
  )
}
