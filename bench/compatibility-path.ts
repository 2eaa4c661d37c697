import { crowdedSite } from '../sim/versions/site.ts'
import { findPath, type SitePath } from '../src/core/campaign/path.ts'
import { isStuck, type PathController } from '../src/core/campaign/path-cohorts.ts'
import type { SignedRelease } from '../src/core/campaign/path-places.ts'
import { obstacleTo, type Placed, ruleText } from '../src/core/campaign/path-rules.ts'
import { type Shelf, shelfOf } from '../src/core/campaign/path-shelf.ts'
import { type Figure, median, RUNS, ratioLine } from './figure.ts'

const SITES = { full: [50, 200, 1000], tiny: [50] } as const
const CLASSES = [3, 10] as const
/** Sites of each size that a run takes the median of. */
const ROUNDS = { full: 5, tiny: 1 } as const

/**
 * The order in which the controllers of a site come to new releases that need each other: from what they attest to a path with
 * the fewest restarts, for sites of 50, 200 and 1000 controllers in 3 and 10 classes. In each circle somebody has to pass a
 * stepping stone.
 *
 * Against the bare walk along the path that was found: one controller after the other takes its step, and each step is
 * held against all that the site runs by then (`obstacleTo`), as a gateway does. Finding an order is so held against only
 * looking whether one is right. That grows with the square of the site; what bounds the search is the number of
 * cohorts, controllers that are alike.
 */
export const compatibilityPath: Figure = {
  name: 'compatibility-path',
  title: 'An order of updates in which no two versions ever refuse each other',
  against: 'the bare walk along that order, each step held against all of the site',
  async run(run) {
    const lines = []
    const seen: string[] = []
    for (const classes of CLASSES) {
      for (const controllers of SITES[run.scale]) {
        run.say(`${controllers} controllers in ${classes} classes`)
        let [states, restarts, least] = [0, 0, 0]
        const runs = Array.from({ length: RUNS[run.scale] }, (_, round) => {
          const times = Array.from({ length: ROUNDS[run.scale] }, (_, at) => {
            const { boards, published } = crowdedSite(controllers, classes, seeded(1 + 31 * round + at))
            const shelf = shelfOf(published)
            const started = process.hrtime.bigint()
            const path = findPath('bench', boards, shelf)
            const found = process.hrtime.bigint()
            if (isStuck(path)) throw new Error(path.why.code)
            walk(boards, shelf, path)
            const walked = process.hrtime.bigint()
            states = path.states
            restarts += path.restarts
            least += path.least
            return { measured: Number(found - started) / 1e6, yardstick: Number(walked - found) / 1e6 }
          })
          return {
            measured: median(times.map(one => one.measured)),
            yardstick: median(times.map(one => one.yardstick)),
          }
        })
        lines.push(ratioLine(`${controllers} controllers in ${classes} classes`, 'ms', runs, null))
        const proven = restarts === least ? 'proven to be the fewest' : `at least ${least} are needed`
        seen.push(
          `${controllers} in ${classes}: ${states} states for the last site, ${restarts} restarts in all, ${proven}.`,
        )
      }
    }
    return { lines, bounds: seen }
  },
}

function walk(
  boards: readonly PathController<SignedRelease>[],
  { runningOf, runsOf }: Shelf<SignedRelease>,
  { moves }: SitePath<SignedRelease>,
): void {
  const site = new Map(
    boards.map(({ of, circle }): [string, Placed] => [of.id, { id: of.id, circle, runs: [runningOf(of)] }]),
  )
  for (const { controllers, release } of moves) {
    for (const controller of controllers) {
      const { circle } = site.get(controller)!
      const becomes = runsOf(release)
      const obstacle = obstacleTo({ controller, circle, becomes }, site.values())
      if (obstacle !== null) throw new Error(ruleText(obstacle.rule))
      site.set(controller, { id: controller, circle, runs: [becomes] })
    }
  }
}

/** Whole numbers below what is asked for, always the same. */
function seeded(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}
