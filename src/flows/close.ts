import type { Json, JsonObject } from '../core/encoding/canonical-json.ts'
import { type Personal, personal, type Telling, wordsAbout } from '../core/ledger/telling.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import {
  type Ceremony,
  type CeremonyFiles,
  checkComplete,
  checkGiven,
  checkTime,
  type InForce,
  openCeremony,
} from '../core/trust/ceremony.ts'
import type { Repository } from '../core/trust/ceremony-note.ts'
import { keyName } from '../core/trust/differences.ts'
import { transcriptOf } from '../core/trust/transcript.ts'
import type { Event } from './audit.ts'
import { type By, person } from './persons.ts'
import type { FleetWorld } from './ports.ts'
import { acceptRoot, type Rotated } from './rotate.ts'

/**
 * Closes a ceremony at the server: opens its documents as successors of what is in force here, judges every signature,
 * the thresholds of the old root and of the new one (TUF 1.0.34 §5.3.4), and the deadline; then puts them in force as
 * `acceptRoot` does, with the transcript in the audit log, in one transaction. Durable on return. The same documents again
 * are answered as before, and are no event.
 *
 * Refuses what `openCeremony`, `checkTime`, `checkGiven`, `checkComplete` and `acceptRoot` refuse.
 */
export function closeCeremony(
  world: FleetWorld,
  by: By,
  repository: Repository,
  files: CeremonyFiles,
): Promise<Rotated | Refusal> {
  const handed = {
    ...(files.root === null ? {} : { root: files.root }),
    ...(files.targets === null ? {} : { targets: files.targets }),
    bins: files.bins,
  }
  return acceptRoot(world, by, repository, handed, ({ root, targets }, now) => {
    // Of the director there are no targets here: they are the server's own, one file for each site. Bins are judged by
    // `acceptRoot`, against all that is stored.
    const inForce: InForce = { repository, root, targets, bins: null }
    const ceremony = openCeremony(inForce, files, world.crypto)
    if (isRefusal(ceremony)) return ceremony
    const fault =
      checkTime(ceremony, now) ?? checkGiven(ceremony, world.crypto) ?? checkComplete(ceremony, world.crypto)
    return fault ?? told(world, by, ceremony)
  })
}

/** The transcript, and each key that a role of the root gained or lost, to be found by whoever looks for a key. */
function told(world: FleetWorld, by: By, ceremony: Ceremony): Event[] {
  const actor = person(by)
  const holders = holdersOf(ceremony)
  const detail = withHolders(transcriptOf(ceremony, world.crypto), holders) as Event['detail']
  const transcript: Event = { kind: 'ceremony-closed', actor, detail }
  const [before, after] = ceremony.root?.electorates ?? []
  if (before === undefined || after === undefined) return [transcript]
  const changed = before.keys.keys().toArray().concat(after.keys.keys().toArray())
  const events = [...new Set(changed)].flatMap((id): Event[] => {
    if (before.keys.has(id) === after.keys.has(id)) return []
    const [event, owners] = before.keys.has(id) ? ['revoked', before.owners] : ['added', after.owners]
    const key = keyName(id, owners as ReadonlyMap<string, string>)
    return [
      {
        kind: 'key-event',
        actor,
        detail: { repository: ceremony.note.repository, key: wordsAbout(key, holders), id, event: event as string },
      },
    ]
  })
  return [transcript, ...events]
}

/** Who holds the keys of a ceremony, as its documents call them. The names of the server's own keys are nobody's. */
function holdersOf({ root, targets }: Ceremony): readonly Personal[] {
  const electorates = [...(root?.electorates ?? []), ...(targets?.electorates ?? [])]
  const names = new Set(electorates.flatMap(({ owners }) => [...owners.values()]))
  return [...names].filter(name => !/^(?:image|approval|director)-/.test(name)).map(personal)
}

/** The transcript with its people as people. */
function withHolders(value: Json | undefined, holders: readonly Personal[]): Telling {
  if (typeof value === 'string') return wordsAbout(value, holders)
  if (typeof value !== 'object' || value === null) return value ?? null
  if (Array.isArray(value)) return value.map(one => withHolders(one, holders))
  return Object.fromEntries(Object.entries(value as JsonObject).map(([name, of]) => [name, withHolders(of, holders)]))
}
