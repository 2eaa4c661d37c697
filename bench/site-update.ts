import { type Figure, median, plainLine } from './figure.ts'
import type { Split } from './profile.ts'
import { CONTROLLERS, siteRuns } from './site-runs.ts'
import type { Milestones, Update } from './site-world.ts'

/**
 * A site of 200 controllers from release to confirmation, end to end in the simulator: the 1 MiB release is published,
 * planned (canary, then the rest), approved and started; the gateway agrees and fetches; every controller downloads over
 * mutual TLS 1.3, verifies from its flash, waits for its turn (50 may restart at a time), boots on trial, passes its
 * health window, confirms and reports; the fleet server takes every report into its log and ends the campaign. Fleet
 * server, gateway and all controllers share one process, and so one core. There is no yardstick: the figure is seconds.
 *
 * What bounds it: fixed waits (a soak of 100 ms, health windows of 400 ms in at least four turns, polls of 50 ms) and
 * processor time, which the profile of one more update splits: nothing stands out, and a fleet whose tiers have machines
 * of their own spends only its part on each.
 */
export const siteUpdate: Figure = {
  name: 'site-update',
  title: 'Site of 200 controllers, 1 MiB image, end to end in the simulator',
  against: 'nothing: seconds, from the beginning of publishing to the end of the campaign',
  async run(run) {
    const controllers = CONTROLLERS[run.scale]
    const { updates, split } = await siteRuns(controllers, run)
    const lines = [
      plainLine('release to campaign done', 's', updates.map(secondsOf)),
      plainLine(
        'controllers per second',
        '/s',
        updates.map(update => controllers / secondsOf(update)),
      ),
      plainLine(
        'processor time of all three tiers',
        's',
        updates.map(update => update.processorSeconds),
      ),
    ]
    return { lines, bounds: [phases(updates), ...(split === null ? [] : [spent(split)])] }
  },
}

const secondsOf = ({ milestones }: Update): number => milestones.done

function phases(updates: readonly Update[]): string {
  const at = (name: keyof Milestones): number => median(updates.map(({ milestones }) => milestones[name]))
  const part = (from: number, to: number): string => `${Math.max(0, to - from).toFixed(2)} s`
  return [
    `Phases: publish, plan, approve, start ${part(0, at('started'))}`,
    `canary ${part(at('started'), at('canary'))}`,
    `soak, then all others download and verify ${part(at('canary'), at('staged'))}`,
    `the last restarts and health windows ${part(at('staged'), at('confirmed'))}`,
    `the last reports to the fleet ${part(at('confirmed'), at('done'))}.`,
  ].join(', ')
}

function spent(split: Split): string {
  const shown = Object.entries(split).filter(([, share]) => share >= 0.005)
  const parts = shown.map(([bucket, share]) => `${bucket} ${(share * 100).toFixed(0)} %`)
  return `Time, by a profile of one update: ${parts.join(', ')}.`
}
