import { sameBytes } from '../core/encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault, type JsonObject } from '../core/encoding/canonical-json.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import { readJson } from '../core/encoding/strict-json.ts'
import { type Event, record } from './audit.ts'
import { fleetActor } from './opened.ts'
import type { FleetWorld, RepoFile } from './ports.ts'

/**
 * One subject of a server's settings: `whole` is what a change of it is seen by, and never leaves as more than its digest; `said` is
 * the part that the log repeats. Neither holds a secret: of a file it is the digest, of a key the public one's.
 */
export type Setting = { readonly whole: Json; readonly said: JsonObject }

/** All that decides who may do what at a server, by subject. */
export type Settings = ReadonlyMap<string, Setting>

/** Where the settings stand in the store that the log last spoke of: a digest for each subject. */
const KNOWN = { repo: 'policy', path: 'server.json' } as const
const MAX_KNOWN = 1 << 16

/** The digest that the log has of a setting. */
export const settingDigest = (crypto: Crypto, whole: Json): string => crypto.sha256(canonicalJson(whole)).toHex()

/** The settings that a new server begins with, as the store keeps them: what its first start finds otherwise was changed since. */
export const settingsFile = (crypto: Crypto, settings: Settings): RepoFile => ({
  ...KNOWN,
  bytes: known(crypto, settings),
})

function known(crypto: Crypto, settings: Settings): Uint8Array {
  return canonicalJson(
    Object.fromEntries([...settings].map(([name, { whole }]) => [name, settingDigest(crypto, whole)])),
  )
}

/**
 * Puts every setting that is another one than at the last start into the audit log, with its digest of before and of now: who edits
 * the config of a server leaves a trace, and nobody runs it with another one unseen. Durable on return.
 */
export function noteSettings(world: FleetWorld, settings: Settings): Promise<void> {
  const { store, crypto } = world
  return store.exclusive(async () => {
    const bytes = await store.file(KNOWN.repo, KNOWN.path)
    const after = known(crypto, settings)
    if (bytes !== null && sameBytes(bytes, after)) return
    const of = digestsIn(bytes)
    const events: Event[] = []
    for (const [setting, { whole, said }] of settings) {
      const before = of(setting)
      const now = settingDigest(crypto, whole)
      if (before === now) continue
      const detail = { policy: 'server', setting, before, after: now, ...said }
      events.push({ kind: 'policy-changed', actor: fleetActor(world), detail })
    }
    // If power fails before this commit, the next start finds the same difference, and says it then; after it, it has been said.
    await record(world, { files: [{ ...KNOWN, bytes: after }] }, events)
  })
}

/** What was known of a setting; of a file that cannot be read nothing is known, and all of them are said again. */
function digestsIn(bytes: Uint8Array | null): (setting: string) => string | null {
  const read = bytes === null ? null : readJson(bytes, MAX_KNOWN)
  if (read === null || read instanceof JsonFault || typeof read !== 'object' || Array.isArray(read)) return () => null
  return setting => {
    const digest = Object.hasOwn(read, setting) ? (read as JsonObject)[setting] : undefined
    return typeof digest === 'string' ? digest : null
  }
}
