import type { Device } from './device.ts'
import type { Phase } from './phase.ts'
import { beforeTheVerdictOf, cutBehindTheRecord } from './starts.ts'
import { complete, keys, runs, until, updateTo } from './steps.ts'

const rotation = (wanted: 'adds' | 'under' | 'retires', places: number) =>
  ({
    wanted,
    behaviour: 'healthy',
    step: updateTo(wanted),
    done: device => runs(device, wanted) && keys(device) === places,
    settled: device => runs(device, wanted) && keys(device) === places,
  }) satisfies Partial<Phase>
const added = (device: Device): void => until(device, updateTo('adds'), () => runs(device, 'adds'))
const underNext = (device: Device): void => {
  added(device)
  device.installation = null
  until(device, updateTo('under'), () => runs(device, 'under'))
  device.installation = null
}
const rotated = ['first', 'adds', 'under'] as const

/** Confirmations that change the keys which a device accepts. */
export const PHASES_OF_KEYS: readonly Phase[] = [
  {
    name: 'key-added',
    says: 'anchor rotation: a confirmation that brings the next key',
    ...rotation('adds', 2),
    confirmed: ['first'],
    prepare: beforeTheVerdictOf('adds'),
  },
  {
    name: 'key-added-later',
    says: 'the same, cut behind its record: the boot that finishes it',
    ...rotation('adds', 2),
    confirmed: ['first'],
    prepare: device => {
      beforeTheVerdictOf('adds')(device)
      cutBehindTheRecord(device)
    },
  },
  {
    name: 'under-the-next-key',
    says: 'staged, tried and confirmed: an image by the next key alone',
    ...rotation('under', 2),
    confirmed: ['first', 'adds'],
    prepare: device => {
      added(device)
      device.installation = null
      until(device, updateTo('under'), () => complete(device))
      device.reset('software')
      device.boot()
    },
  },
  {
    name: 'key-retired',
    says: 'a confirmation that gives the first key up',
    ...rotation('retires', 1),
    confirmed: rotated,
    prepare: device => {
      underNext(device)
      beforeTheVerdictOf('retires')(device)
    },
  },
  {
    name: 'key-retired-later',
    says: 'the same, cut behind its record: the boot that finishes it',
    ...rotation('retires', 1),
    confirmed: rotated,
    prepare: device => {
      underNext(device)
      beforeTheVerdictOf('retires')(device)
      cutBehindTheRecord(device)
    },
  },
]
