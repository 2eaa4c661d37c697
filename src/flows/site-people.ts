import { toHex, utf8 } from '../core/encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault } from '../core/encoding/canonical-json.ts'
import { dictionary, Misfit, object, type ShapeOf, text, word } from '../core/encoding/shape.ts'
import { readJson } from '../core/encoding/strict-json.ts'
import { MOST_SITE_PEOPLE, SITE_ROLES, type SitePerson } from '../core/fleet/site-people.ts'
import { pseudonymOf } from '../core/ledger/pseudonym.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { boxed, type Note } from './audit.ts'
import type { SitePeople } from './people-ports.ts'
import type { SiteWorld } from './ports.ts'

/**
 * Who may sign in at a gateway's page stands in a list that a person at the gateway writes, with the gateway running or not. The gateway
 * sees what changed of it, and tells its own log, in which people are pseudonyms (docs/adr/0036).
 */

/** What the log calls somebody on the list. */
export const sitePseudonym = ({ crypto }: Pick<SiteWorld, 'crypto'>, { salt, name }: SitePerson): string =>
  pseudonymOf(crypto, salt, 'person', name)

/** What the log calls the address that somebody on the list came from. */
export const siteAddress = ({ crypto }: Pick<SiteWorld, 'crypto'>, { salt }: SitePerson, address: string): string =>
  pseudonymOf(crypto, salt, 'address', address)

/** The list as the log was told of it, by pseudonym: no name and no hash of a password. */
const FILE = { repo: 'people', path: 'told.json' } as const
const MAX_TOLD = 64 * 1024

const NONE = 'none'
const toldShape = object({
  people: dictionary(
    text('a pseudonym', /^person:[0-9a-f]{64}$/),
    object({ role: word(...SITE_ROLES), password: text('a SHA-256 in hex, or none', /^(?:[0-9a-f]{64}|none)$/) }),
    MOST_SITE_PEOPLE,
  ),
})
type Told = ShapeOf<typeof toldShape>['people']

/**
 * Tells the gateway's log what changed of the list since it was told of it last: each person's change is an entry. Durable on return.
 * Refuses `site-people-unusable`: then nothing is told, and nobody may sign in.
 */
export function noteSitePeople(world: SiteWorld, list: SitePeople): Promise<null | Refusal> {
  return world.store.exclusive(async () => {
    const people = list.now()
    if (isRefusal(people)) return people
    const before = await toldBefore(world)
    const now: Record<string, Told[string]> = {}
    for (const person of people) {
      const { role, standing } = person
      // The digest of a salted, slow hash: it says whether the password is another one, and nothing else.
      const password = standing.at === 'in-force' ? toHex(world.crypto.sha256(utf8(standing.password))) : NONE
      now[sitePseudonym(world, person)] = { role, password }
    }
    const notes = changesBetween(before, now)
    if (notes.length === 0) return null
    const bytes = canonicalJson({ people: now } as unknown as Json)
    // If power fails before this commit, the next look finds the same difference, and tells it then.
    await world.store.commit({ files: [{ ...FILE, bytes }], outbox: notes.map(one => boxed(world, one)) })
    return null
  })
}

async function toldBefore({ store }: SiteWorld): Promise<Told> {
  const bytes = (await store.files(FILE.repo)).get(FILE.path)
  const json = bytes === undefined ? null : readJson(bytes, MAX_TOLD)
  const read = json === null || json instanceof JsonFault ? null : toldShape(json, '')
  // Of what cannot be read nothing is known: all of them are told once more.
  return read === null || read instanceof Misfit ? {} : read.people
}

function changesBetween(before: Told, now: Told): readonly Note[] {
  const changed = Object.entries(now).flatMap(([account, one]) => {
    return eventsOf(before[account] ?? null, one).map(event => noted(event, account, one.role))
  })
  const gone = Object.entries(before).filter(([account]) => now[account] === undefined)
  return [...changed, ...gone.map(([account, { role }]) => noted('forgotten', account, role))]
}

function eventsOf(before: Told[string] | null, now: Told[string]): readonly string[] {
  if (before === null) return now.password === NONE ? ['let-in', 'shut-out'] : ['let-in']
  const role = before.role === now.role ? [] : ['role']
  if (before.password === now.password) return role
  if (now.password === NONE) return [...role, 'shut-out']
  return [...role, before.password === NONE ? 'let-in-again' : 'password']
}

const noted = (event: string, account: string, role: string): Note => ({
  kind: 'site-people-changed',
  detail: { event, account, role },
})
