import { RUNS, type Run, type Scale } from './figure.ts'
import { profiled, type Split } from './profile.ts'
import { SiteBench, type Update } from './site-world.ts'

/** Controllers of the site that is measured. */
export const CONTROLLERS: Readonly<Record<Scale, number>> = { full: 200, tiny: 2 }
export const IMAGE_BYTES: Readonly<Record<Scale, number>> = { full: 1024 * 1024, tiny: 8 * 1024 }

/** Updates of one site. `split` is where the time of a further update went, that is not among the runs. */
export type SiteRuns = { readonly updates: readonly Update[]; readonly split: Split | null }

const kept = new Map<string, Promise<SiteRuns>>()

/** The updates of a site of so many controllers: run once, for all figures that look at them. */
export function siteRuns(controllers: number, run: Run): Promise<SiteRuns> {
  const name = `${run.scale} ${controllers}`
  const known = kept.get(name)
  if (known !== undefined) return known
  const runs = measure(controllers, run)
  kept.set(name, runs)
  return runs
}

async function measure(controllers: number, run: Run): Promise<SiteRuns> {
  run.say(`manufactures ${controllers} controllers`)
  const site = await SiteBench.start(controllers, IMAGE_BYTES[run.scale])
  try {
    const updates: Update[] = []
    // The first update of a site finds cold code: it is not counted.
    if (run.scale === 'full') await site.update()
    for (let at = 0; at < RUNS[run.scale]; at += 1) {
      const update = await site.update()
      updates.push(update)
      run.say(`${controllers} controllers, run ${at + 1}: ${update.milestones.done.toFixed(1)} s`)
    }
    if (run.scale === 'tiny' || controllers === 1) return { updates, split: null }
    run.say('once more under the profiler')
    return { updates, split: (await profiled(() => site.update())).split }
  } finally {
    await site.stop()
  }
}
