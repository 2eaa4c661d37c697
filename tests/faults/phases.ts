import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { act, verify } from '../../src/flows/boot.ts'
import { arm, withdraw } from '../../src/flows/install.ts'
import type { Behaviour, Device } from './device.ts'
import type { Board } from './geometries.ts'
import { newestRecord } from './plain-reader.ts'
import type { Releases } from './releases.ts'

/**
 * A part of an update in which faults strike. `prepare` brings a device that has booted once to right before it; `step`
 * is the next thing that a site or the world does, wherever the device is; `done` says that the phase is over. What
 * happens behind it is `step` again, up to `settled`.
 */
export type Phase = {
  readonly name: string
  readonly says: string
  readonly wanted: keyof Releases
  readonly behaviour: Behaviour
  /** What has been seen confirmed when it begins, newest last. */
  readonly confirmed: readonly (keyof Releases)[]
  /** Only on a board with several images. */
  readonly groups?: true
  readonly prepare: (device: Device) => void
  readonly step: (device: Device) => Refusal | null
  readonly done: (device: Device) => boolean
  readonly settled: (device: Device) => boolean
}

const STATE = { stable: 1, candidate: 2, armed: 3, trial: 4 } as const

/** One step of an update to `wanted`, up to the end, whatever that is. Answers a refusal that was met. */
function updateTo(wanted: keyof Releases): (device: Device) => Refusal | null {
  return device => {
    const release = device.releases[wanted]
    if (device.ram?.window !== null || device.hung) {
      const seen = device.tick()
      return answered(device, seen)
    }
    const { installation } = device
    if (installation === null) {
      const begun = device.begin(release)
      if (!isRefusal(begun)) return null
      // What only a restart resolves: an armed candidate, a record that could not be written or read; golden, which has
      // nothing to take in, and looks at the slots again.
      if (RESTART.has(begun.code) || device.ram.running.slot === 'golden') device.reset('software')
      return begun
    }
    if (installation.state.at === 'receiving') return answered(device, device.piece(release))
    if (installation.state.at === 'complete') return answered(device, installation.finish(device.clock.now()))
    const armed = arm(device.board, device.clock.now())
    if (isRefusal(armed)) return answered(device, armed)
    device.reset('software')
    return null
  }
}

const RESTART: ReadonlySet<string> = new Set([
  'activation-pending',
  'trial-in-progress',
  'boot-record-missing',
  'boot-record-not-written',
  'counter-unreadable',

  'not-in-trial',
  // What is confirmed already, and not finished: the next boot does that.
  'release-not-newer',
])

/** A refusal ends an installation: the site begins again, behind a restart when the record could not be written. */
function answered(device: Device, answer: unknown): Refusal | null {
  if (!isRefusal(answer)) return null
  device.installation = null
  if (RESTART.has(answer.code)) device.reset('software')
  return answer
}

const runs = (device: Device, wanted: keyof Releases): boolean =>
  device.ram?.running.facts.version === device.releases[wanted].facts.version && !device.ram.running.trial

const stateIs = (device: Device, ...states: readonly number[]): boolean =>
  states.includes(newestRecord(device.flash, device.element)?.state ?? 0)

const remembers = (device: Device, wanted: keyof Releases): boolean => {
  const digest = device.releases[wanted].facts.imageDigest.slice(0, 32)
  return newestRecord(device.flash, device.element)?.failed.includes(digest) === true
}

/** Steps until something holds. Preparation only: no fault strikes. */
function until(device: Device, step: (device: Device) => unknown, holds: () => boolean): void {
  for (let count = 0; !holds(); count += 1) {
    if (count > 200) throw new Error('the preparation does not come to its end')
    if (device.ram === null) device.boot()
    else step(device)
  }
}

const second = updateTo('second')
const third = updateTo('third')
const confirmedSecond = (device: Device): boolean => runs(device, 'second') && device.element.counter() === 2
const revertedSecond = (device: Device): boolean => runs(device, 'first') && remembers(device, 'second')
const toSecond = {
  wanted: 'second',
  behaviour: 'healthy',
  confirmed: ['first'],
  step: second,
  settled: confirmedSecond,
} as const
const complete = (device: Device): boolean =>
  device.installation !== null && device.installation.state.at !== 'receiving'
const stagedCleanly = (device: Device): void => until(device, second, () => stateIs(device, STATE.candidate))
const armedCleanly = (device: Device): void => {
  stagedCleanly(device)
  orThrow(arm(device.board, device.clock.now()))
}
const onTrial = (device: Device): void => until(device, second, () => device.ram?.running.trial === true)
/** On trial, so that the next round of readings ends the window. */
const beforeTheVerdict = (device: Device): void => beforeTheVerdictOf('second')(device)
const beforeTheVerdictOf =
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
function cutBehindTheRecord(device: Device): void {
  const before = device.element.snapshot()
  const seen = device.tick()
  if (seen === null || isRefusal(seen) || seen.at !== 'confirmed') throw new Error('nothing was confirmed')
  device.element.restore(before)
  device.reset('power-loss')
}
function fillRecordBlock(device: Device): void {
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

const keys = (device: Device): number => device.element.anchors().length
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

export const PHASES: readonly Phase[] = [
  {
    name: 'download',
    says: 'begin, erase the inactive slot, head and image in',
    ...toSecond,
    prepare: () => {},
    done: complete,
  },
  {
    name: 'download-over-old',
    says: 'the same over the image that ran before',
    ...toSecond,
    wanted: 'third',
    confirmed: ['first', 'second'],
    step: third,
    settled: device => runs(device, 'third'),
    prepare: device => until(device, second, () => runs(device, 'second')),
    done: complete,
  },
  {
    name: 'resume',
    says: 'goes on with a download that was cut',
    ...toSecond,
    prepare: device => {
      until(device, second, () => device.installation !== null && device.installation.offset > 0)
      device.reset('power-loss')
    },
    done: complete,
  },
  {
    name: 'stage',
    says: 'the last sector again, verify from flash, CANDIDATE record',
    ...toSecond,
    prepare: device => {
      until(device, second, () => complete(device))
      device.reset('software')
      device.boot()
    },
    done: device => stateIs(device, STATE.candidate),
  },
  {
    name: 'set-candidate',
    says: 'the CANDIDATE record alone',
    ...toSecond,
    prepare: device => {
      stagedCleanly(device)
      orThrow(withdraw(device.board, device.clock.now()))
      device.installation = null
    },
    step: device => {
      if (device.installation !== null || !stateIs(device, STATE.stable)) return second(device)
      const image = verify(device.board, 'b')
      if (isRefusal(image)) return second(device)
      const { imageDigest: digest, sequence, version, counter } = image.facts
      const set = act(
        device.board,
        { kind: 'staged', slot: 'b', image: { digest, sequence, version, counter }, update: '00'.repeat(16) },
        device.clock.now(),
      )
      return answered(device, set)
    },
    done: device => stateIs(device, STATE.candidate),
  },
  {
    name: 'withdraw',
    says: 'the candidate is given up',
    ...toSecond,
    prepare: device => {
      stagedCleanly(device)
      device.installation = null
    },
    step: device => {
      // Golden asks for nothing but an update; the site starts the controller again.
      if (device.ram?.running.slot === 'golden') device.reset('software')
      if (device.ram === null) return null
      // Without its record a device tries anew what it has: nothing is withdrawn from a trial.
      if (device.ram?.window !== null) return second(device)
      const given = withdraw(device.board, device.clock.now())
      return answered(device, given)
    },
    done: device => stateIs(device, STATE.stable) && runs(device, 'first'),
    settled: device => stateIs(device, STATE.stable) && runs(device, 'first'),
  },
  {
    name: 'arm',
    says: 'the site’s word: the ARMED record',
    ...toSecond,
    prepare: stagedCleanly,
    done: device => stateIs(device, STATE.armed, STATE.trial) || runs(device, 'second'),
  },
  {
    name: 'compaction',
    says: 'a record into a full block: the other one is erased',
    ...toSecond,
    prepare: fillRecordBlock,
    done: device => device.ram !== null && stateIs(device, STATE.armed, STATE.trial, STATE.stable),
  },
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
  {
    name: 'group-commit',
    says: 'from the last byte of the last image to the boot that runs all of them: one record each',
    ...toSecond,
    groups: true,
    prepare: device => {
      until(device, second, () => complete(device))
      device.reset('software')
      device.boot()
    },
    done: device => device.ram?.running.facts.version === device.releases.second.facts.version,
  },
]

/** The phases that a board goes through: those of a group only where there is one. */
export const phasesOf = (board: Board): readonly Phase[] =>
  PHASES.filter(({ groups }) => groups !== true || board.images.length > 1)
