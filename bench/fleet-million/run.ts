import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openFleetStore, type SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { controllerRow, PER_SITE, siteRow } from './drawn.ts'
import { QUESTIONS } from './questions.ts'

/** One line of the table: milliseconds, but for what says otherwise. */
export type Measured = { readonly what: string; readonly value: number; readonly unit: 'ms' | 's' | 'MiB' | 'µs' }

export type Options = {
  readonly controllers: number
  readonly folder: string
  /** How often each question is asked. */
  readonly asked: number
  readonly say: (progress: string) => void
}

/** Sites that become durable together while a fleet is loaded. */
const BATCH = 10

/** Loads a drawn fleet, and asks it everything. What is measured is the store: no network, no certificates. */
export async function measureFleet({ controllers, folder, asked, say }: Options): Promise<Measured[]> {
  const path = join(folder, `fleet-${controllers}.sqlite`)
  const lines: Measured[] = []
  const store = orThrow(openFleetStore(path))
  try {
    const sites = Math.max(1, Math.round(controllers / PER_SITE))
    const loaded = await timed(() => load(store, sites, say))
    lines.push({ what: 'load: sites, controllers and their reports', value: loaded / 1000, unit: 's' })
    lines.push({ what: 'load, for each controller', value: (loaded * 1000) / (sites * PER_SITE), unit: 'µs' })
    for (const { name, ask } of QUESTIONS) {
      say(name)
      await ask(store.inventory, 0, sites)
      const times: number[] = []
      const spent: number[] = []
      for (let n = 1; n <= asked; n += 1) {
        const before = process.threadCpuUsage()
        times.push(await timed(() => ask(store.inventory, n, sites)))
        const { user, system } = process.threadCpuUsage(before)
        spent.push((user + system) / 1000)
      }
      for (const some of [times, spent]) some.sort((a, b) => a - b)
      lines.push({ what: `${name}: p50`, value: quantile(times, 0.5), unit: 'ms' })
      lines.push({ what: '  p99', value: quantile(times, 0.99), unit: 'ms' })
      lines.push({ what: '  p99 of the time of the processor', value: quantile(spent, 0.99), unit: 'ms' })
    }
    lines.push({ what: 'database on disk', value: statSync(path).size / 2 ** 20, unit: 'MiB' })
    lines.push({ what: 'memory of the process at most', value: process.resourceUsage().maxRSS / 1024, unit: 'MiB' })
    return lines
  } finally {
    store.close()
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
  }
}

async function load(store: SqliteFleetStore, sites: number, say: (progress: string) => void): Promise<void> {
  const key = new Uint8Array(91).fill(7)
  for (let from = 0; from < sites; from += BATCH) {
    const some = Array.from({ length: Math.min(BATCH, sites - from) }, (_, n) => from + n)
    await store.commit({
      sites: some.map(n => siteRow(n, key)),
      controllers: some.flatMap(n => Array.from({ length: PER_SITE }, (_, place) => controllerRow(n, place, key))),
    })
    if ((from / BATCH) % 100 === 99) say(`${(from + BATCH) * PER_SITE} controllers loaded`)
  }
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - started) / 1e6
}

/** The value that a share of the sorted values does not exceed (nearest rank). */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number
}
