import assert from 'node:assert/strict'
import type { FlashFault } from '../../sim/flash/faults.ts'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { verify } from '../../src/flows/boot.ts'
import { type Bench, bench, rememberingOpen } from './bench-board.ts'

/** A moment in a device's life that a test returns to: the same bench, as it stood, switched on again by software. */
export type Moment = (seed?: number) => Bench

/** Brings a new device to a moment. What `prepare` does to flash and element is kept; the application is put back too. */
export function momentAfter(prepare: (on: Bench) => void): Moment {
  const on = bench({ open: rememberingOpen() })
  prepare(on)
  on.controller.powerCut()
  const { application } = on.controller
  const flash = on.controller.flash.snapshot()
  const element = on.controller.element.snapshot()
  return (seed = 1) => {
    on.controller.flash.faults = () => null
    on.controller.flash.restore(flash, seed)
    on.controller.element.restore(element)
    on.controller.application = application
    on.controller.powerUp('software')
    return on
  }
}

/** The lengths of the programs and erases that work does, in order. */
export function operationsOf(on: Bench, work: () => void): number[] {
  const lengths: number[] = []
  on.controller.flash.faults = operation => {
    if (operation.kind === 'program' || operation.kind === 'erase') lengths.push(operation.length)
    return null
  }
  work()
  on.controller.flash.faults = () => null
  assert.ok(lengths.length > 0, 'the work writes to flash')
  return lengths
}

/** Does work that the power ends at its n-th program or erase, counted from 0. False: the work has fewer. */
export function cutAt(on: Bench, at: number, fault: FlashFault, work: () => void): boolean {
  let seen = 0
  let fired = false
  on.controller.flash.faults = operation => {
    if (operation.kind !== 'program' && operation.kind !== 'erase') return null
    seen += 1
    if (fired || seen - 1 !== at) return null
    fired = true
    return fault
  }
  try {
    work()
  } catch (error) {
    if (!(error instanceof PowerLost)) throw error
  } finally {
    on.controller.flash.faults = () => null
  }
  return fired
}

/** What runs, in short, once it has been verified anew: `b 2.0.0 trial`. Golden or nothing fails the test. */
export function runs(on: Bench, where: string): string {
  const running = on.controller.running()
  assert.ok(running !== null, `${where}: something runs`)
  assert.notEqual(running.slot, 'golden', `${where}: not golden`)
  assert.ok(!isRefusal(verify(on.controller.board, running.slot)), `${where}: what runs verifies`)
  assert.ok(running.facts.counter >= on.controller.element.counter(), `${where}: at or above the counter`)
  return `${running.slot} ${running.facts.version}${running.trial ? ' trial' : ''}`
}
