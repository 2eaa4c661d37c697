import { fromHex, toHex } from '../encoding/bytes.ts'
import { JsonFault } from '../encoding/canonical-json.ts'
import { either, exactly, list, Misfit, object, text, then, whole, word } from '../encoding/shape.ts'
import { readJson } from '../encoding/strict-json.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { NAME } from './identity.ts'
import type { Holder } from './roles.ts'

/**
 * Who may sign in at a gateway's page: people on the spot, with a password each, as somebody at the gateway said. The fleet has no part
 * in it, so that it holds with the link down (docs/adr/0048).
 */
export type SitePerson = {
  readonly name: string
  readonly role: SiteRole
  /** What the log knows them by is made with it (core/ledger/pseudonym.ts): who is taken off the list takes it along. */
  readonly salt: Uint8Array
  readonly standing: SiteStanding
  /** When they were let in, or their password was set, or they were shut out. */
  readonly since: Instant
}

/** A password as a hash of the form of `PasswordHash` (flows/people-ports.ts). Who is shut out has none. */
export type SiteStanding = { readonly at: 'in-force'; readonly password: string } | { readonly at: 'disabled' }

/** The roles of the one table that work at a site. What each allows, core/fleet/roles.ts says. */
export const SITE_ROLES = ['technician', 'site-engineer'] as const
export type SiteRole = (typeof SITE_ROLES)[number]

export const MOST_SITE_PEOPLE = 64
/** What so many need, and room for those who edit by hand. */
export const MAX_SITE_PEOPLE_BYTES = 64 * 1024

const personShape = object({
  name: text('a name of 1 to 64 of a-z 0-9 . _ -', NAME),
  role: word(...SITE_ROLES),
  salt: then(text('64 lower-case hex digits', /^[0-9a-f]{64}$/), hex => fromHex(hex) as Uint8Array),
  password: either(text('the hash of a password', /^\$scrypt\$[\x21-\x7e]{1,200}$/), value =>
    value === null ? null : new Misfit('', 'null', 'something else'),
  ),
  since: then(whole(0, 8_640_000_000_000_000), value => instant(value)),
})
const fileShape = object({
  kind: word('voltseal-site-people'),
  v: exactly(1),
  site: text('the name of a site', NAME),
  people: list(personShape, 0, MOST_SITE_PEOPLE),
})

/**
 * Reads the list of a site. Refuses `site-people-unusable`: not such a list, one of another site, or a name that stands there twice.
 * No refusal shows a part of what is in it.
 */
export function parseSitePeople(bytes: Uint8Array, site: string, subject: string): readonly SitePerson[] | Refusal {
  const bad = (expected: string, actual: string): Refusal => refuse('site-people-unusable', subject, expected, actual)
  const json = readJson(bytes, MAX_SITE_PEOPLE_BYTES)
  if (json instanceof JsonFault) return bad('what "gateway account" wrote, in JSON', 'something else')
  const read = fileShape(json, '')
  if (read instanceof Misfit) return bad('what "gateway account" wrote', `something else at ${read.at || 'the top'}`)
  if (read.site !== site) return bad(`the people of ${site}`, `those of ${read.site}`)
  const names = new Set(read.people.map(({ name }) => name))
  if (names.size !== read.people.length) return bad('each name once', 'one of them twice')
  return read.people.map(({ password, ...rest }) => {
    return { ...rest, standing: password === null ? { at: 'disabled' } : { at: 'in-force', password } }
  })
}

/** The list as it is kept. */
export function sitePeopleText(site: string, people: readonly SitePerson[]): string {
  const written = people.map(({ name, role, salt, standing, since }) => {
    return { name, role, salt: toHex(salt), password: standing.at === 'in-force' ? standing.password : null, since }
  })
  return `${JSON.stringify({ kind: 'voltseal-site-people', v: 1, site, people: written }, null, 2)}\n`
}

/** What somebody may do at the page: what their role allows, at this site and nowhere else. */
export const sitePersonHolder = ({ name, role, standing }: SitePerson, site: string): Holder => ({
  id: name,
  disabled: standing.at === 'disabled',
  grants: [{ role, scope: { at: 'site', site } }],
  narrowed: null,
})
