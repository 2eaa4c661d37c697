import { type Instant, instant, millis } from '../core/encoding/units.ts'
import { type Actor, type AuditEntry, STRANGER } from '../core/ledger/entry.ts'
import type { PersonChange, PersonRow, PseudonymRow } from '../core/ledger/person-rows.ts'
import { isPseudonym, type Names, pseudonymOf, pseudonymsOf, SALT_BYTES } from '../core/ledger/pseudonym.ts'
import { type Personal, personal, personalIn, type Said, written } from '../core/ledger/telling.ts'
import type { FleetWorld } from './ports.ts'

/** Who acts, with what they came with and the roles that allow it, where the door has judged them; by name alone elsewhere. */
export type By = string | { readonly id: string; readonly key: string | null; readonly acting: readonly string[] }

export const nameOf = (by: By): string => (typeof by === 'string' ? by : by.id)

/** Who acts, for the log: their name becomes a pseudonym as the entry is written. */
export function person(by: By): Actor {
  if (typeof by === 'string') return { kind: 'person', id: by }
  const { id, key, acting } = by
  return {
    kind: 'person',
    id,
    ...(key === null ? {} : { key }),
    ...(acting.length === 0 ? {} : { roles: acting }),
  }
}

/** What an entry is before its people have their pseudonyms. */
export type Told = Omit<AuditEntry, 'detail'> & { readonly detail: Said }

/**
 * Names that are nobody's account are remembered for so long: that is how long somebody can look into who tried to come in.
 * Behind it the log speaks of a stranger of whom nobody knows more.
 */
const STRANGERS_KEPT = millis(30 * 86_400_000)

/**
 * Entries as they are written: each person by their pseudonym, with the salts and pseudonyms that are new to be committed with
 * them. Under the store's `exclusive`: two who made a salt for one person would have two.
 *
 * If power fails before that commit, no entry speaks of them, and they get another salt; after it, salt and entry are both
 * there. No entry ever has a pseudonym that was not known when it was written.
 */
export async function pseudonymous(
  world: FleetWorld,
  told: readonly Told[],
  now: Instant,
): Promise<{ readonly entries: readonly AuditEntry[]; readonly change: PersonChange }> {
  const persons = new Map<string, PersonRow>()
  const fresh = new Map<string, PersonRow>()
  const tags = new Map<string, PseudonymRow>()
  const keyOf = ({ kind, of, text }: Personal): string => `${kind}\n${of}\n${text}`
  const everybody = told.flatMap(({ actor, detail }) => [...actorsOf(actor), ...personalIn(detail)])
  for (const one of everybody) {
    if (tags.has(keyOf(one))) continue
    const known = persons.get(one.of) ?? (await world.store.people.person(one.of))
    const row = known ?? { name: one.of, salt: world.random.bytes(SALT_BYTES), stranger: true, since: now }
    // Whoever does something, or is spoken of by somebody who knows them, is no stranger any more.
    const next = row.stranger && !one.tried ? { ...row, stranger: false } : row
    if (next !== known) fresh.set(one.of, next)
    persons.set(one.of, next)
    const pseudonym = pseudonymOf(world.crypto, row.salt, one.kind, one.text)
    tags.set(keyOf(one), { pseudonym, name: one.of, text: one.text })
  }
  const tag = (one: Personal): string => tags.get(keyOf(one))!.pseudonym
  const entries = told.map(({ actor, detail, ...rest }): AuditEntry => {
    const [self] = actorsOf(actor)
    const id = self === undefined ? actor.id : tag(self)
    return { ...rest, actor: { ...actor, id }, detail: written(detail, tag) as AuditEntry['detail'] }
  })
  if (tags.size === 0) return { entries, change: {} }
  return { entries, change: { persons: [...fresh.values()], pseudonyms: [...tags.values()] } }
}

/**
 * Forgets names that were only tried, longer than 30 days ago: to be called once a day. Durable on return, and wiped from the store's
 * files. It is no entry: the log says nothing of them but that somebody tried.
 */
export function forgetStrangers({ store, clock }: Pick<FleetWorld, 'store' | 'clock'>): Promise<void> {
  return store.exclusive(async () => {
    const forgottenPersons = await store.people.strangersBefore(instant(Math.max(0, clock.now() - STRANGERS_KEPT)))
    // If power fails before this commit, the next round forgets them.
    if (forgottenPersons.length > 0) await store.commit({ forgottenPersons })
  })
}

/** The person behind an actor, unless it is nobody, or is written already. */
function actorsOf({ kind, id }: Actor): readonly Personal[] {
  return kind === 'person' && id !== STRANGER && !isPseudonym(id) ? [personal(id)] : []
}

/** Whom some entries speak of, as far as the fleet still knows. For readers who may see people, and for nobody else. */
export function namesFor(
  { store }: Pick<FleetWorld, 'store'>,
  entries: readonly Pick<AuditEntry, 'actor' | 'detail'>[],
): Promise<Names> {
  return store.people.named([...new Set(entries.flatMap(entry => [...pseudonymsOf(entry)]))])
}
