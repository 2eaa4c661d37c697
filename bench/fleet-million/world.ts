import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { VirtualClock } from '../../sim/clock/virtual-clock.ts'
import { World } from '../../sim/doors/world.ts'
import { readConfig } from '../../src/adapters/config-file.ts'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { loadPublicKey, loadSigner } from '../../src/adapters/signer-file.ts'
import { openFleetStore, type SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { FLEET_KEYS, type FleetKey, fleetFiles } from '../../src/apps/fleet/files.ts'
import { fleetWorld } from '../../src/apps/fleet/world.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { NO_POLICY } from '../../src/core/trust/evidence/judge.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import type { FleetWorld, Signer } from '../../src/flows/ports.ts'
import { FleetConfig, parseConfig } from '../../src/wire/config.ts'
import { imageOf } from '../site-world.ts'
import { CLASSES, KIDS, NOW } from './drawn.ts'

/** A fleet server's world in a folder of the bench, with a release for each class published, and its clock at `NOW`. */
export type MillionWorld = {
  readonly world: FleetWorld
  readonly store: SqliteFleetStore
  readonly clock: VirtualClock
  /** Target paths of the releases. */
  readonly releases: readonly string[]
  readonly database: string
}

/** What is published is newer than everything that runs. */
const VERSION = '4.3.0'

/**
 * Makes the server's folder and publishes as people do, by the command line and the door; then goes on with its flows alone.
 * The publisher's key takes the place of the second key that the drawn controllers accept.
 */
export async function millionWorld(folder: string): Promise<MillionWorld> {
  const classes = Object.fromEntries(CLASSES.map(([name]) => [name, { hardware: 'r1', slot: '512KiB', bootloader: 1 }]))
  const site = {
    site: 'publisher',
    name: 'Publisher',
    region: 'nl',
    zone: 'Europe/Amsterdam',
    vendor: 'voltworks.example',
    gateway: { id: 'publisher-gateway' },
    links: [{ id: 'lan', kind: 'ethernet' }],
    classes,
    controllers: [{ id: 'bms-1', class: 'bms', link: 'lan' }],
  }
  const made = await World.make({ site, factory: { bms: imageOf(9, 4096) } })
  try {
    await made.startFleet()
    const folders: string[] = []
    for (const [at, [name]] of CLASSES.entries())
      folders.push(await made.release(name, VERSION, imageOf(at, 4096), '--counter', '9'))
    const releases = await made.publish(...folders)
    await made.fleet?.close()
    made.fleet = null
    KIDS[1] = keyId(orThrow(loadPublicKey(made.at('keys', 'firmware.pub'))), crypto)
    const own = join(folder, 'fleet')
    mkdirSync(own, { recursive: true })
    cpSync(made.at('fleet'), own, { recursive: true })
    return open(own, releases)
  } finally {
    await made.stop()
  }
}

function open(folder: string, releases: readonly string[]): MillionWorld {
  const files = fleetFiles(folder)
  const config = orThrow(parseConfig<FleetConfig>(FleetConfig, orThrow(readConfig(files.config)), files.config))
  const keys = Object.fromEntries(FLEET_KEYS.map(name => [name, orThrow(loadSigner(files.key(name)))]))
  const store = orThrow(openFleetStore(files.database))
  const clock = new VirtualClock(NOW)
  const world = fleetWorld(config, store, folder, {
    crypto,
    clock,
    keys: keys as Record<FleetKey, Signer>,
    anchors: config.anchors,
    publishPolicy: NO_POLICY,
    wrappingKey: null,
  })
  return { world, store, clock, releases, database: files.database }
}
