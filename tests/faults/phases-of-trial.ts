import type { Device } from './device.ts'
import type { Phase } from './phase.ts'
import { armedCleanly, beforeTheVerdict, cutBehindTheRecord, onTrial } from './starts.ts'
import { confirmedSecond, remembers, runs, second, toSecond, until } from './steps.ts'

const revertedSecond = (device: Device): boolean => runs(device, 'first') && remembers(device, 'second')

/** From the boot into the candidate to the verdict, and behind it. */
export const PHASES_OF_TRIAL: readonly Phase[] = [
  {
    name: 'trial',
    says: 'the boot into the candidate: tries less one, watchdog, jump',
    ...toSecond,
    prepare: device => {
      armedCleanly(device)
      device.reset('software')
    },
    done: device => device.ram !== null && (device.ram.running.trial || runs(device, 'second')),
  },
  {
    name: 'health',
    says: 'the whole health window, and the verdict',
    ...toSecond,
    prepare: onTrial,
    done: confirmedSecond,
  },
  {
    name: 'confirm',
    says: 'the STABLE record, then the counter',
    ...toSecond,
    prepare: beforeTheVerdict,
    done: confirmedSecond,
  },
  {
    name: 'counter-raise',
    says: 'a boot that finds the confirmation unfinished',
    ...toSecond,
    prepare: device => {
      beforeTheVerdict(device)
      cutBehindTheRecord(device)
    },
    done: confirmedSecond,
  },
  {
    name: 'revert',
    says: 'an unhealthy image is given up',
    wanted: 'second',
    behaviour: 'unhealthy',
    confirmed: ['first'],
    prepare: beforeTheVerdict,
    step: second,
    done: revertedSecond,
    settled: revertedSecond,
  },
  {
    name: 'tries-spent',
    says: 'an image that hangs, up to the last of its tries',
    wanted: 'second',
    behaviour: 'hanging',
    confirmed: ['first'],
    prepare: onTrial,
    step: second,
    done: revertedSecond,
    settled: revertedSecond,
  },
  {
    name: 'losses-spent',
    says: 'power that goes in every trial, up to the last of its losses',
    wanted: 'second',
    behaviour: 'hanging',
    confirmed: ['first'],
    prepare: onTrial,
    step: device => {
      // A trial of another image, of a device that lost its record, keeps its power.
      if (device.ram?.running.trial !== true || device.ram.running.facts.version !== '2.0.0') return second(device)
      device.reset('power-loss')
      return null
    },
    done: revertedSecond,
    settled: revertedSecond,
  },
  {
    name: 'boot',
    says: 'a power-up of a confirmed image',
    ...toSecond,
    confirmed: ['first', 'second'],
    prepare: device => {
      until(device, second, () => runs(device, 'second'))
      device.reset('power-loss')
    },
    done: confirmedSecond,
  },
]
