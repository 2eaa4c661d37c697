import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { act, verify } from '../../src/flows/boot.ts'
import { withdraw } from '../../src/flows/install.ts'
import type { Phase } from './phase.ts'
import { fillRecordBlock, stagedCleanly } from './starts.ts'
import { answered, complete, runs, STATE, second, stateIs, third, toSecond, until } from './steps.ts'

/** From the offer to the site's word. */
export const PHASES_OF_UPDATE: readonly Phase[] = [
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
