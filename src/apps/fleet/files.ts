import { join } from 'node:path'
import { readConfig } from '../../adapters/config-file.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { FleetConfig, parseConfig } from '../../wire/config.ts'

/** The keys that a development fleet keeps in its own folder, one file each. */
export const FLEET_KEYS = [
  'image-root',
  'image-snapshot',
  'image-timestamp',
  'approval-root',
  'approval-snapshot',
  'approval-timestamp',
  'director-root',
  'director-targets',
  'director-snapshot',
  'director-timestamp',
  'audit',
] as const
export type FleetKey = (typeof FLEET_KEYS)[number]

/** The keys that this server signs with. The roots are not here: they belong to people, and leave its folder. */
export const SERVER_KEYS = FLEET_KEYS.filter(name => !name.endsWith('-root')) as readonly ServerKey[]
export type ServerKey = Exclude<FleetKey, `${string}-root`>

/** The roles that this server signs for as long as it runs. A key for the next root lies under the same name in `keys/next`. */
export const ONLINE_KEYS = FLEET_KEYS.filter(name => /-(?:targets|snapshot|timestamp)$/.test(name))

/** Where a fleet server keeps what. The folder is one fleet's, and one process serves it at a time. */
export const fleetFiles = (folder: string) => ({
  config: join(folder, 'fleet.yaml'),
  database: join(folder, 'fleet.sqlite'),
  blobs: join(folder, 'blobs'),
  keys: join(folder, 'keys'),
  nextKeys: join(folder, 'keys', 'next'),
  key: (name: FleetKey) => join(folder, 'keys', name),
  nextKey: (name: FleetKey) => join(folder, 'keys', 'next', name),
  /** The public halves of keys that signed the log before: C2SP verifier keys, a file each. */
  retiredLogKeys: join(folder, 'keys', 'retired'),
  /** What releases are encrypted to; absent where a person wraps the content keys. */
  wrappingKey: join(folder, 'keys', 'wrapping'),
  certificates: join(folder, 'ca'),
  authority: (name: string) => ({
    cert: join(folder, 'ca', `${name}.pem`),
    key: join(folder, 'ca', `${name}-key.pem`),
  }),
  server: { cert: join(folder, 'ca', 'server.pem'), key: join(folder, 'ca', 'server-key.pem') },
  roots: join(folder, 'roots'),
  root: (repo: 'image' | 'approval' | 'director') => join(folder, 'roots', `${repo}.root.json`),
  /** Where whoever makes a backup asks the server that runs for a copy of its store. */
  copies: join(folder, 'copies.sock'),
  profile: join(folder, 'profile'),
  /** Profiles of other people, until they have taken them away. */
  profiles: join(folder, 'profiles'),
})

/** Reads a fleet's config. Refuses what `readConfig` and `parseConfig` refuse. */
export function readFleetConfig(folder: string): FleetConfig | Refusal {
  const path = fleetFiles(folder).config
  const written = readConfig(path)
  return isRefusal(written) ? written : parseConfig<FleetConfig>(FleetConfig, written, path)
}
