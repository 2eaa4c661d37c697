import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openFleetStore } from '../src/adapters/store-sqlite/fleet.ts'
import { instant } from '../src/core/encoding/units.ts'
import type { Version } from '../src/core/firmware/version.ts'
import { versionKey } from '../src/core/firmware/version-key.ts'
import { parseQuery } from '../src/core/fleet/query.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import type { InventoryStore } from '../src/flows/inventory-ports.ts'
import { type Figure, type Line, median, RUNS, ratioLine } from './figure.ts'
import { controllerRow, PER_SITE, siteRow } from './fleet-million/drawn.ts'
import { SharedKey } from './fleet-million/keys.ts'
import { timed } from './fleet-million/measured.ts'

const CONTROLLERS = { full: 20_000, tiny: 200 } as const
/** How often a question is asked in one run. */
const ASKED = { full: 50, tiny: 1 } as const

const old = parseQuery({ class: 'pcs', version: '<4.2' }, instant(0))
const low = parseQuery({ counter: '<7' }, instant(0))

type Compared = {
  readonly what: string
  readonly ask: (inventory: InventoryStore) => Promise<unknown>
  /** The same question, answered from the rows alone. */
  readonly sql: string
  readonly values: readonly Uint8Array[]
}

const COMPARED: readonly Compared[] = [
  {
    what: 'which sites run PCS older than 4.2: a page of 200',
    ask: inventory => inventory.sites(orThrow(old), null, 200),
    sql: `SELECT site, region, count(*) FROM inventory WHERE class = 'pcs' AND version_key > x'' AND version_key < ?
      GROUP BY site ORDER BY site LIMIT 200`,
    values: [versionKey('4.2.0' as Version)],
  },
  {
    what: 'how many are below floor 7',
    ask: inventory => inventory.count(orThrow(low)),
    sql: 'SELECT count(*) FROM inventory WHERE counter >= 0 AND counter < 7',
    values: [],
  },
  {
    what: 'the version map of the fleet',
    ask: inventory => inventory.versions({}, 'fleet'),
    sql: 'SELECT class, version, said, count(*) FROM inventory GROUP BY class, version_key, said',
    values: [],
  },
]

/**
 * Questions about a fleet of 20,000 controllers, answered from the roll-ups that the store keeps, against the same questions
 * put to the rows of the same database by SQLite alone. How both grow up to a million: `npm run bench:million`.
 *
 * What bounds it: the roll-ups have as many rows as sites have kinds of controllers; the rows are as many as controllers.
 */
export const fleetQueries: Figure = {
  name: 'fleet-queries',
  title: 'Questions about 20,000 controllers',
  against: 'the same questions put to the rows of the inventory by SQLite alone',
  async run(run) {
    const folder = mkdtempSync(join(tmpdir(), 'voltseal-queries-'))
    try {
      const path = join(folder, 'fleet.sqlite')
      await load(path, CONTROLLERS[run.scale], run.say)
      const times = COMPARED.map(() => ({ measured: [] as number[], yardstick: [] as number[] }))
      for (let round = 0; round < RUNS[run.scale]; round += 1) {
        run.say(`run ${round + 1}`)
        // One process at a time has the store: first the rows, then what is ours.
        const database = new DatabaseSync(path, { readOnly: true })
        for (const [at, { sql, values }] of COMPARED.entries()) {
          const statement = database.prepare(sql)
          times[at]!.yardstick.push(await each(ASKED[run.scale], async () => statement.all(...values)))
        }
        database.close()
        const store = orThrow(openFleetStore(path))
        for (const [at, { ask }] of COMPARED.entries()) {
          times[at]!.measured.push(await each(ASKED[run.scale], () => ask(store.inventory)))
        }
        store.close()
      }
      const lines = COMPARED.map(({ what }, at): Line => {
        const { measured, yardstick } = times[at]!
        const runs = measured.map((one, n) => ({ measured: one, yardstick: yardstick[n]! }))
        return ratioLine(what, 'ms', runs, { bound: 'at most', ratio: 0.5 })
      })
      const rows = times.map(({ yardstick }) => median(yardstick))
      return {
        lines,
        bounds: [
          `Reading the rows costs ${rows.map(one => `${one.toFixed(1)} ms`).join(', ')}, and grows as the fleet does; the roll-ups grow with its sites, and with how many versions they run.`,
        ],
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function load(path: string, controllers: number, say: (progress: string) => void): Promise<void> {
  say(`loads ${controllers} controllers`)
  const store = orThrow(openFleetStore(path))
  const key = new SharedKey()
  for (let n = 0; n < controllers / PER_SITE; n += 1) {
    const rows = Array.from({ length: PER_SITE }, (_, place) => controllerRow(n, place, key))
    await store.commit({ sites: [siteRow(n, key.spki)], controllers: rows })
  }
  store.close()
}

/** Milliseconds of one asking, on average. */
async function each(times: number, ask: () => Promise<unknown>): Promise<number> {
  await ask()
  const all = await timed(async () => {
    for (let n = 0; n < times; n += 1) await ask()
  })
  return all / times
}
