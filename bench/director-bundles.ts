import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fleetFiles } from '../src/apps/fleet/files.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { directorTarget } from '../src/core/trust/director-target.ts'
import type { Target } from '../src/core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../src/core/trust/read-metadata.ts'
import { record } from '../src/flows/audit.ts'
import { directSites } from '../src/flows/direct.ts'
import { QuietFleet } from '../tests/worlds/quiet-fleet.ts'
import { type Figure, plainLine, RUNS, ratioLine } from './figure.ts'

const SITES = { full: 400, tiny: 3 } as const
const CONTROLLERS = 20
const WARM_UP = { full: 6, tiny: 1 } as const
const ROLES = ['targets', 'snapshot', 'timestamp'] as const

/**
 * Director bundles signed per second and core: the targets, snapshot and timestamp of 400 sites of 20 ordered controllers
 * each, in one pass as a renewal or a change does it (flows/direct.ts), up to the files that are committed together; and
 * beside it the commit of all of them in one transaction, with its sync of the disk.
 *
 * Against the bare signature rate: the same three messages of each site, by the same Ed25519 keys, handed to OpenSSL alone,
 * keys parsed before. Both in the processor time of the thread that runs them, in turn.
 *
 * What bounds it: the signatures, three for each site. What is ours is to write each document canonically, to hash two of
 * them, and to read them once into types.
 */
export const directorBundles: Figure = {
  name: 'director-bundles',
  title: 'Director bundles of 400 sites in one pass',
  against: 'the bare rate of the three signatures of each bundle',
  async run(run) {
    const fleet = await QuietFleet.make()
    try {
      const sites = Array.from({ length: SITES[run.scale] }, (_, at) => `site-${at}`)
      run.say(`registers ${sites.length} sites`)
      for (const id of sites) await fleet.site(id, 1)
      const orders = new Map<string, Target[]>(sites.map(site => [site, ordersOf(site)]))
      const { world } = fleet
      const commit = async (files: Awaited<ReturnType<typeof pass>>): Promise<number> => {
        const started = process.hrtime.bigint()
        await record(world, { files }, [])
        return Number(process.hrtime.bigint() - started) / 1e6
      }
      const pass = async (wanted: ReadonlyMap<string, Target[] | null>) =>
        orThrow(await directSites(world, wanted, fleet.clock.now())).files
      await commit(await pass(orders))
      const standing = new Map(sites.map(site => [site, null]))
      for (let round = 0; round < WARM_UP[run.scale]; round += 1) await commit(await pass(standing))
      const bare = bareSigner(fleet, await pass(standing))
      const runs: { measured: number; yardstick: number }[] = []
      const commits: number[] = []
      for (let round = 0; round < RUNS[run.scale]; round += 1) {
        run.say(`run ${round + 1}`)
        const yardstick = await rate(sites.length, async () => bare())
        let files: Awaited<ReturnType<typeof pass>> = []
        const measured = await rate(sites.length, async () => {
          files = await pass(standing)
        })
        commits.push((await commit(files)) / sites.length)
        runs.push({ measured, yardstick })
      }
      const line = ratioLine('bundles per second and core', '/s', runs, { bound: 'at least', ratio: 0.6 })
      const micros = (perSecond: number): string => `${(1e6 / perSecond).toFixed(0)} µs`
      return {
        lines: [line, plainLine('the commit of a pass, for each bundle', 'ms', commits)],
        bounds: [
          `A bundle costs ${micros(line.measured)}: ${micros(line.yardstick!)} for its three signatures, the rest to write and hash three documents. A fleet of 10,000 sites is renewed in ${(10_000 / line.measured).toFixed(1)} s of one core, twice in the life of its metadata.`,
        ],
      }
    } finally {
      fleet.close()
    }
  },
}

function ordersOf(site: string): Target[] {
  const envelope = { path: 'bms/2.0.0/envelope.suit', length: 900, sha256: 'ab'.repeat(32) }
  const order = { attempt: 1, campaign: `spring-of-${site}`, class: 'bms', hardware: 'r1' }
  const controllers = Array.from({ length: CONTROLLERS }, (_, at) => [`c${at}`, order] as const)
  return [directorTarget(envelope, new Map(controllers))]
}

/** Signs the same messages as a pass, with nothing around the signatures. */
function bareSigner(fleet: QuietFleet, files: readonly { path: string; bytes: Uint8Array }[]): () => void {
  const folder = fleetFiles(join(fleet.folder, 'fleet'))
  const keys = new Map<string, KeyObject>(
    ROLES.map(role => [role, createPrivateKey(readFileSync(folder.key(`director-${role}`)))]),
  )
  const work = files.flatMap(({ path, bytes }) => {
    const role = ROLES.find(one => path === `${one}.json`)
    if (role === undefined) return []
    return [{ key: keys.get(role)!, message: signableBytes(orThrow(readMetadata(role, bytes, path)).signed.raw) }]
  })
  return () => {
    for (const { key, message } of work) sign(null, message, key)
  }
}

/** Pieces of work per second of this thread's processor time. */
async function rate(pieces: number, work: () => Promise<unknown>): Promise<number> {
  const before = process.threadCpuUsage()
  await work()
  const { user, system } = process.threadCpuUsage(before)
  return (pieces * 1e6) / Math.max(1, user + system)
}
