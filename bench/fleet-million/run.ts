import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { foundDirector } from '../../src/flows/direct.ts'
import type { RepoFile } from '../../src/flows/ports.ts'
import { measureCampaign } from './campaign.ts'
import { controllerRow, PER_SITE, siteName, siteRow } from './drawn.ts'
import { SharedKey } from './keys.ts'
import { type Measured, quantile, timed } from './measured.ts'
import { QUESTIONS, type Question } from './questions.ts'
import { type MillionWorld, millionWorld } from './world.ts'

export type Options = {
  readonly controllers: number
  readonly folder: string
  /** How often each question is asked. */
  readonly asked: number
  readonly say: (progress: string) => void
}

/** Sites that become durable together while a fleet is loaded. */
const BATCH = 10

/**
 * Loads a drawn fleet, asks it everything, plans a campaign of all of it and lets that run for a while. What is measured is the
 * server's flows and its store: no network, no certificates. Each line is told as soon as it is known.
 */
export async function* measureFleet({ controllers, folder, asked, say }: Options): AsyncGenerator<Measured> {
  const made = await millionWorld(folder)
  const { store, database } = made
  const key = new SharedKey()
  try {
    const sites = Math.max(1, Math.round(controllers / PER_SITE))
    const loaded = await load(made, sites, key, say)
    yield { what: 'load: sites, controllers and their reports', value: loaded / 1000, unit: 's' }
    yield { what: 'load, for each controller', value: (loaded * 1000) / (sites * PER_SITE), unit: 'µs' }
    for (const question of QUESTIONS) yield* await measureQuestion(store, question, asked, sites, say)
    yield { what: 'memory of the process at most, loading and asking', value: rss(), unit: 'MiB' }
    yield* measureCampaign(made, sites, key, say)
    yield { what: 'database on disk', value: statSync(database).size / 2 ** 20, unit: 'MiB' }
    yield { what: 'memory of the process at most', value: rss(), unit: 'MiB' }
  } finally {
    store.close()
    rmSync(join(folder, 'fleet'), { recursive: true, force: true })
  }
}

const rss = (): number => process.resourceUsage().maxRSS / 1024

/** A question, asked again and again: in the time of the wall, and in that of the processor. */
export async function measureQuestion(
  { inventory }: Pick<SqliteFleetStore, 'inventory'>,
  { name, ask }: Question,
  asked: number,
  sites: number,
  say: (progress: string) => void,
): Promise<Measured[]> {
  say(name)
  await ask(inventory, 0, sites)
  const times: number[] = []
  const spent: number[] = []
  for (let n = 1; n <= asked; n += 1) {
    const before = process.threadCpuUsage()
    times.push(await timed(() => ask(inventory, n, sites)))
    const { user, system } = process.threadCpuUsage(before)
    spent.push((user + system) / 1000)
  }
  for (const some of [times, spent]) some.sort((a, b) => a - b)
  return [
    { what: `${name}: p50`, value: quantile(times, 0.5), unit: 'ms' },
    { what: '  p99', value: quantile(times, 0.99), unit: 'ms' },
    { what: '  p99 of the time of the processor', value: quantile(spent, 0.99), unit: 'ms' },
  ]
}

/** Milliseconds of the store alone: drawing and signing the fleet is nobody's cost. */
async function load(
  { store, world }: MillionWorld,
  sites: number,
  key: SharedKey,
  say: (progress: string) => void,
): Promise<number> {
  let spent = 0
  for (let from = 0; from < sites; from += BATCH) {
    const some = Array.from({ length: Math.min(BATCH, sites - from) }, (_, n) => from + n)
    const files: RepoFile[] = []
    for (const n of some) files.push(...orThrow(await foundDirector(world, siteName(n))))
    const change = {
      files,
      sites: some.map(n => siteRow(n, key.spki)),
      controllers: some.flatMap(n => Array.from({ length: PER_SITE }, (_, place) => controllerRow(n, place, key))),
    }
    spent += await timed(() => store.commit(change))
    if ((from / BATCH) % 100 === 99) say(`${(from + BATCH) * PER_SITE} controllers loaded`)
  }
  return spent
}
