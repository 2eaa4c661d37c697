import { writeWhole } from '../../adapters/config-file.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { readSitePeople } from '../../adapters/site-people-file.ts'
import { refusePassword } from '../../core/fleet/account.ts'
import { NAME } from '../../core/fleet/identity.ts'
import { MOST_SITE_PEOPLE, type SitePerson, type SiteRole, sitePeopleText } from '../../core/fleet/site-people.ts'
import { SALT_BYTES } from '../../core/ledger/pseudonym.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { PasswordHash, Random } from '../../flows/people-ports.ts'
import type { Clock } from '../../flows/ports.ts'
import { sitePseudonym } from '../../flows/site-people.ts'
import { gatewayFiles, readGatewayFolder, readSite } from './files.ts'

/**
 * `voltseal gateway account`: a person at the gateway says who may sign in at its page, while it serves or not. The list is a file; a
 * gateway that serves sees it change, goes by it from the next request on, and tells its log (flows/site-people.ts). Each change is
 * durable on return: if power fails before the rename, the list of before counts.
 */

/** Somebody on the list, for people to read: never the hash of their password. `account`: what the log calls them. */
export type SitePersonView = {
  readonly name: string
  readonly role: SiteRole
  readonly standing: 'in force' | 'shut out'
  readonly since: number
  readonly account: string
}

/** What is needed to make a password into what is kept of it. */
export type PeopleTools = { readonly passwords: PasswordHash; readonly random: Random; readonly clock: Clock }

/** Who may sign in. Refuses what `readGatewayFolder` refuses, but for a gateway that is not enrolled yet; `site-people-unusable`. */
export function listSitePeople(folder: string): readonly SitePersonView[] | Refusal {
  const list = open(folder)
  return isRefusal(list) ? list : list.people.map(view)
}

/** Lets somebody in. Refuses as above, `password-weak`, `site-person-exists`, `site-people-full`, and `usage-error` for what is no name. */
export async function addSitePerson(
  folder: string,
  { name, role, password }: { readonly name: string; readonly role: SiteRole; readonly password: string },
  { passwords, random, clock }: PeopleTools,
): Promise<SitePersonView | Refusal> {
  if (!NAME.test(name)) return refuse('usage-error', 'the name', '1 to 64 of a-z 0-9 . _ -', 'something else')
  const hash = await hashed(name, password, passwords)
  if (isRefusal(hash)) return hash
  return change(folder, name, (known, all) => {
    if (known !== null) return refuse('site-person-exists', name, 'a name that is not on the list', 'one that is')
    if (all.length >= MOST_SITE_PEOPLE) {
      return refuse('site-people-full', folder, `at most ${MOST_SITE_PEOPLE} people`, 'one more')
    }
    const standing = { at: 'in-force', password: hash } as const
    return { name, role, salt: random.bytes(SALT_BYTES), standing, since: clock.now() }
  })
}

/** Sets a new password; who was shut out may come in again. Refuses as above, and `site-person-missing`. */
export async function setSitePassword(
  folder: string,
  { name, password }: { readonly name: string; readonly password: string },
  { passwords, clock }: PeopleTools,
): Promise<SitePersonView | Refusal> {
  const hash = await hashed(name, password, passwords)
  if (isRefusal(hash)) return hash
  return change(folder, name, known => {
    if (known === null) return missing(name)
    return { ...known, standing: { at: 'in-force', password: hash }, since: clock.now() }
  })
}

/** Shuts somebody out: their sessions end with the next request. Who they were stays on the list, for whoever reads the log. */
export const disableSitePerson = (folder: string, name: string, clock: Clock): SitePersonView | Refusal =>
  change(folder, name, known => {
    if (known === null) return missing(name)
    return known.standing.at === 'disabled' ? known : { ...known, standing: { at: 'disabled' }, since: clock.now() }
  })

/** Takes somebody off the list, with the salt of their pseudonym: nobody can tell any more whom the log speaks of. Answers the pseudonym. */
export function forgetSitePerson(folder: string, name: string): { readonly account: string } | Refusal {
  const list = open(folder)
  if (isRefusal(list)) return list
  const known = list.people.find(one => one.name === name)
  if (known === undefined) return missing(name)
  list.write(list.people.filter(one => one !== known))
  return { account: view(known).account }
}

const missing = (name: string): Refusal =>
  refuse('site-person-missing', name, 'somebody on the list', 'nobody of that name')

async function hashed(name: string, password: string, passwords: PasswordHash): Promise<string | Refusal> {
  return refusePassword(password, name) ?? passwords.hash(password)
}

type List = { readonly people: readonly SitePerson[]; readonly write: (people: readonly SitePerson[]) => void }

function open(folder: string): List | Refusal {
  const files = gatewayFiles(folder)
  const read = readGatewayFolder(folder)
  // Before the fleet knows the site, a person at the gateway does.
  if (isRefusal(read) && read.code !== 'gateway-not-enrolled') return read
  const described = readSite(files.site)
  if (isRefusal(described)) return described
  const { site } = described
  const path = files.people
  const people = readSitePeople(path, site)
  if (isRefusal(people)) return people
  return { people, write: next => writeWhole(path, sitePeopleText(site, next), 0o600) }
}

/**
 * Changes one of them, or adds one at the end. The list is read and written without waiting for anything between: what another command
 * wrote before is kept.
 */
function change(
  folder: string,
  name: string,
  decide: (known: SitePerson | null, all: readonly SitePerson[]) => SitePerson | Refusal,
): SitePersonView | Refusal {
  const list = open(folder)
  if (isRefusal(list)) return list
  const known = list.people.find(one => one.name === name) ?? null
  const next = decide(known, list.people)
  if (isRefusal(next)) return next
  if (next !== known) {
    const others = list.people.filter(one => one !== known)
    list.write([...others, next].toSorted((a, b) => (a.name < b.name ? -1 : 1)))
  }
  return view(next)
}

const view = (person: SitePerson): SitePersonView => ({
  name: person.name,
  role: person.role,
  standing: person.standing.at === 'in-force' ? 'in force' : 'shut out',
  since: person.since,
  account: sitePseudonym({ crypto: nodeCrypto }, person),
})
