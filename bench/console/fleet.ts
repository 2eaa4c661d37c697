import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { Children } from '../../sim/doors/demo/children.ts'
import { certifyNewKey } from '../../src/adapters/certificates.ts'
import { systemClock } from '../../src/adapters/clock-system.ts'
import type { ClientTls } from '../../src/adapters/link-https/client.ts'
import { readAuthority } from '../../src/apps/fleet/enrolment.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { foundDirector } from '../../src/flows/direct.ts'
import type { RepoFile } from '../../src/flows/ports.ts'
import type { FleetConfig } from '../../src/wire/config.ts'
import { commandLine } from '../../tests/worlds/command-line.ts'
import { controllerRow, siteName, siteRow } from '../fleet-million/drawn.ts'
import { SharedKey } from '../fleet-million/keys.ts'
import { millionWorld } from '../fleet-million/world.ts'

/** Of each drawn site: seven racks, two PCS and an energy manager. */
export const PLACES = Array.from({ length: 10 }, (_, at) => at * 10)
/** Sites that become durable together while the fleet is loaded. */
const BATCH = 100
const CONSOLE_PORT = 8447
const WATCHER = { id: 'watcher', password: 'seven copper lanterns drift past a bench' }

/** A drawn fleet that a fleet server serves, a process of its own, with its console. */
export type ConsoleFleet = {
  readonly address: string
  readonly origin: string
  readonly url: string
  readonly watcher: typeof WATCHER
  readonly key: SharedKey
  /** What the gateway of a drawn site calls with. */
  gateway(n: number): Promise<ClientTls>
  close(): Promise<void>
}

/** Draws and loads so many sites, and serves them. Whatever it makes is in a folder of its own, and goes with `close`. */
export async function consoleFleet(sites: number, say: (progress: string) => void): Promise<ConsoleFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-console-'))
  const children = new Children(folder)
  const close = async (): Promise<void> => {
    await children.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const key = new SharedKey()
    await load(folder, sites, key, say)
    const files = fleetFiles(join(folder, 'fleet'))
    const config = parse(readFileSync(files.config, 'utf8')) as FleetConfig
    const address = config.listen.host
    const origin = `http://localhost:${CONSOLE_PORT}`
    const shown = { host: address, port: CONSOLE_PORT, url: origin }
    writeFileSync(files.config, stringify({ ...config, signIn: true, console: shown }))
    await children.serve('fleet', join('src', 'apps', 'cli', 'main.ts'), ['fleet', 'serve', 'fleet'])
    await addWatcher(folder)
    const authority = orThrow(readAuthority(files.authority('fleet')))
    const gateway = async (n: number): Promise<ClientTls> => {
      const made = await certifyNewKey(
        authority,
        { identity: { kind: 'gateway', site: siteName(n) } },
        systemClock.now(),
      )
      return { ca: authority.cert, ...made }
    }
    return { address, origin, url: config.url, watcher: WATCHER, key, gateway, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function load(folder: string, sites: number, key: SharedKey, say: (progress: string) => void): Promise<void> {
  const { world, store } = await millionWorld(folder)
  try {
    for (let from = 0; from < sites; from += BATCH) {
      const some = Array.from({ length: Math.min(BATCH, sites - from) }, (_, n) => from + n)
      const files: RepoFile[] = []
      for (const n of some) files.push(...orThrow(await foundDirector(world, siteName(n))))
      await store.commit({
        files,
        sites: some.map(n => siteRow(n, key.spki, PLACES)),
        controllers: some.flatMap(n => PLACES.map(place => controllerRow(n, place, key))),
      })
      if ((from / BATCH) % 20 === 19) say(`${from + BATCH} sites loaded`)
    }
  } finally {
    store.close()
  }
}

/** Somebody who may see everything and change nothing. */
async function addWatcher(folder: string): Promise<void> {
  const password = join(folder, 'watcher.password')
  writeFileSync(password, `${WATCHER.password}\n`, { mode: 0o600 })
  const env = { VOLTSEAL_PROFILE: join(folder, 'fleet', 'profile', 'profile.yaml') }
  for (const argv of [
    ['account', 'add', WATCHER.id, '--role', 'auditor@fleet'],
    ['account', 'password', WATCHER.id, '--password-file', password],
  ]) {
    const { exit, err } = await commandLine(argv, { env })
    if (exit !== 0) throw new Error(`voltseal ${argv.join(' ')}: ${err}`)
  }
}
