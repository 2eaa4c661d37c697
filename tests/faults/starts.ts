import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { arm } from '../../src/flows/install.ts'
import type { Device } from './device.ts'
import { newestRecord } from './plain-reader.ts'
import type { Releases } from './releases.ts'
import { STATE, second, stateIs, until, updateTo } from './steps.ts'

/** How the phases begin: nothing goes wrong in here but what is wanted. */

export const stagedCleanly = (device: Device): void => until(device, second, () => stateIs(device, STATE.candidate))
export const armedCleanly = (device: Device): void => {
  stagedCleanly(device)
  orThrow(arm(device.board, device.clock.now()))
}
export const onTrial = (device: Device): void => until(device, second, () => device.ram?.running.trial === true)
/** On trial, so that the next round of readings ends the window. */
export const beforeTheVerdictOf =
  (wanted: keyof Releases) =>
  (device: Device): void => {
    until(device, updateTo(wanted), () => device.ram?.running.trial === true)
    for (let state = device.save(); ; state = device.save()) {
      const seen = device.tick()
      if (seen === null || isRefusal(seen)) throw new Error('the trial is not watched')
      if (seen.at === 'watching') continue
      device.load(state, 1)
      return
    }
  }
/** The power goes between the record of a confirmation and what the element does about it. */
export function cutBehindTheRecord(device: Device): void {
  const before = device.element.snapshot()
  const seen = device.tick()
  if (seen === null || isRefusal(seen) || seen.at !== 'confirmed') throw new Error('nothing was confirmed')
  device.element.restore(before)
  device.reset('power-loss')
}
export function fillRecordBlock(device: Device): void {
  stagedCleanly(device)
  // Every boot appends a record: up to the boot whose record goes into the other block.
  for (let boots = 0; boots < 32; boots += 1) {
    const before = newestRecord(device.flash, device.element)
    device.reset('software')
    device.installation = null
    const state = device.save()
    device.boot()
    if (newestRecord(device.flash, device.element)?.area !== before?.area) {
      device.load(state, 1)
      return
    }
  }
  throw new Error('no block was ever full')
}
export const beforeTheVerdict = beforeTheVerdictOf('second')
