import { canonicalJson, type Json, JsonFault } from '../encoding/canonical-json.ts'
import { either, exactly, line, list, Misfit, object, text, then, whole, word } from '../encoding/shape.ts'
import { readJson } from '../encoding/strict-json.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { NAME } from './identity.ts'
import { type Grant, grantText, ROLE_NAMES, type Role, type Scope, sideOf } from './roles.ts'

/** Whether an account is in force. A disabled one stays: the log names it. */
export type Standing =
  | { readonly at: 'active' }
  | { readonly at: 'disabled'; readonly since: Instant; readonly reason: string }

/** Who somebody is to a provider of identities (OpenID Connect: issuer and `sub`). */
export type External = { readonly provider: string; readonly subject: string }

/**
 * Somebody who may come in: a person, or a service that comes with tokens only. `keys` are the ids of the approval keys that
 * are theirs: a signature counts as the approval of the account that its key belongs to.
 */
export type Account = {
  readonly v: 1
  readonly id: string
  readonly kind: 'person' | 'service'
  /** What people call them. */
  readonly name: string
  readonly standing: Standing
  readonly grants: readonly Grant[]
  readonly keys: readonly string[]
  readonly externals: readonly External[]
  readonly createdAt: Instant
}

export const MAX_GRANTS = 64
export const MAX_KEYS = 16
const MAX_ACCOUNT_BYTES = 64 * 1024

const name = text('a name of 1 to 64 of a-z 0-9 . _ -', NAME)
const moment = then(whole(0, 8_640_000_000_000_000), value => instant(value))

/** Reads `fleet`, `region:NAME` or `site:NAME`; null for anything else. */
export function readScope(written: string): Scope | null {
  if (written === 'fleet') return { at: 'fleet' }
  const [at, named = '', more] = written.split(':')
  if (more !== undefined || !NAME.test(named)) return null
  if (at === 'region') return { at, region: named }
  return at === 'site' ? { at, site: named } : null
}

/** Reads `ROLE@SCOPE`, as `grantText` writes it; null for anything else. */
export function readGrant(written: string): Grant | null {
  const [role, scope = '', more] = written.split('@')
  const known = ROLE_NAMES.find(one => one === role)
  const where = readScope(scope)
  return known === undefined || where === null || more !== undefined ? null : { role: known as Role, scope: where }
}

/** A grant as it is written everywhere: `planner@region:nl-west`. */
export const grantShape = then(line(200), (value, at) => {
  const grant = readGrant(value)
  return (
    grant ?? new Misfit(at, `ROLE@SCOPE, such as planner@fleet; roles: ${ROLE_NAMES.join(', ')}`, value.slice(0, 80))
  )
})

const accountShape = object({
  v: exactly(1),
  id: name,
  kind: word('person', 'service'),
  name: line(120),
  standing: either(object({ at: word('active') }), object({ at: word('disabled'), since: moment, reason: line(500) })),
  grants: list(grantShape, 0, MAX_GRANTS),
  keys: list(text('64 hex digits', /^[0-9a-f]{64}$/), 0, MAX_KEYS),
  externals: list(object({ provider: line(200), subject: line(255) }), 0, 8),
  createdAt: moment,
})

/** An account as the store keeps it: canonical JSON. Grants are written as text. */
export const accountBytes = (account: Account): Uint8Array =>
  canonicalJson({ ...account, grants: account.grants.map(grantText) } as unknown as Json)

/** Reads a stored account. Refuses `account-malformed`: the store is damaged, or of a later version. */
export function parseAccount(bytes: Uint8Array, subject: string): Account | Refusal {
  const json = readJson(bytes, MAX_ACCOUNT_BYTES)
  if (json instanceof JsonFault) return refuse('account-malformed', subject, 'an account in JSON', json.message)
  const read = accountShape(json, '')
  if (!(read instanceof Misfit)) return read as Account
  return refuse('account-malformed', subject, read.expected, `${read.actual} at ${read.at || 'the top'}`)
}

/** A new account, before anybody judged it. */
export const newAccount = (
  { id, kind, name, grants }: Pick<Account, 'id' | 'kind' | 'name' | 'grants'>,
  now: Instant,
): Account => ({ v: 1, id, kind, name, standing: { at: 'active' }, grants, keys: [], externals: [], createdAt: now })

const administers = ({ kind, standing, grants }: Account): boolean =>
  kind === 'person' &&
  standing.at === 'active' &&
  grants.some(({ role, scope }) => role === 'administrator' && scope.at === 'fleet')

/** What the fleet demands of its accounts. */
export type AccountPolicy = {
  /** Whether the maker's roles and the operator's may never meet in one account. */
  readonly separateOrganisations: boolean
}

/**
 * Judges an edit: what the account was (null: there was none), what it is to be, who edits (null: the machine's own
 * administrator, at recovery), and all other accounts. Refuses `account-own-edit`, `organisations-mixed`,
 * `account-role-twice`, `account-last-administrator`, `account-key-taken`, `account-external-taken`.
 */
export function refuseEdit(
  before: Account | null,
  next: Account,
  editor: string | null,
  others: readonly Account[],
  policy: AccountPolicy,
): null | Refusal {
  // Nobody raises themselves, and nobody locks themselves out: another administrator does it.
  if (editor === next.id) {
    return refuse('account-own-edit', next.id, 'an edit by another administrator', 'one by the account itself')
  }
  const written = next.grants.map(grantText)
  const twice = written.find((grant, index) => written.indexOf(grant) !== index)
  if (twice !== undefined) return refuse('account-malformed', next.id, 'each role once in a scope', `${twice} twice`)
  const mixed = policy.separateOrganisations ? mixedSides(next.grants) : null
  if (mixed !== null) {
    const [maker, operator] = mixed
    const expected = `roles of the maker or of the operator, as ${operator} is the operator's`
    return refuse('organisations-mixed', next.id, expected, maker)
  }
  const owner = others.find(other => other.id !== next.id && other.keys.some(key => next.keys.includes(key)))
  if (owner !== undefined) {
    const key = next.keys.find(one => owner.keys.includes(one))!
    return refuse('account-key-taken', next.id, 'a key of its own', `${key.slice(0, 16)}, the key of ${owner.id}`)
  }
  const linked = next.externals.find(({ provider, subject }) =>
    others.some(
      other =>
        other.id !== next.id && other.externals.some(one => one.provider === provider && one.subject === subject),
    ),
  )
  if (linked !== undefined) {
    return refuse(
      'account-external-taken',
      next.id,
      'a subject of its own',
      `one of ${linked.provider} that another account has`,
    )
  }
  const wasLast = before !== null && administers(before) && !administers(next)
  if (wasLast && !others.some(other => other.id !== next.id && administers(other))) {
    return refuse('account-last-administrator', next.id, 'another administrator of the fleet in force', 'none')
  }
  return null
}

/** A role of the maker and one of the operator whose scopes meet; null when there are none such. */
function mixedSides(grants: readonly Grant[]): readonly [maker: string, operator: string] | null {
  for (const maker of grants.filter(({ role }) => sideOf(role) === 'maker')) {
    for (const operator of grants.filter(({ role }) => sideOf(role) === 'operator')) {
      if (meet(maker.scope, operator.scope)) return [grantText(maker), grantText(operator)]
    }
  }
  return null
}

/** Whether two scopes can have a site in common. A site may lie in any region: what is not known to be apart meets. */
function meet(one: Scope, other: Scope): boolean {
  if (one.at === 'region' && other.at === 'region') return one.region === other.region
  if (one.at === 'site' && other.at === 'site') return one.site === other.site
  return true
}

/** What somebody chose as a password. Its least length is that of a password which stands alone (NIST SP 800-63B-4 §3.1.1.2). */
export const MIN_PASSWORD = 15
export const MAX_PASSWORD = 256

/** Refuses `password-weak`: too short or too long, the account's own name, or few different characters. */
export function refusePassword(password: string, account: string): null | Refusal {
  const length = [...password].length
  const weak = (expected: string, actual: string) =>
    refuse('password-weak', `the password of ${account}`, expected, actual)
  if (length < MIN_PASSWORD || length > MAX_PASSWORD) {
    return weak(`${MIN_PASSWORD} to ${MAX_PASSWORD} characters`, `${length}`)
  }
  if (names(password.toLowerCase(), account)) return weak('one without the name of the account', 'one with it')
  const different = new Set(password.toLowerCase()).size
  return different < 6 ? weak('at least 6 different characters', `${different}`) : null
}

/** Whether a password has the name in it. One of fewer than four letters counts as a word alone: `bo` is in many. */
const names = (password: string, account: string): boolean =>
  account.length >= 4 ? password.includes(account) : password.split(/[^\p{L}\p{N}]+/u).includes(account)

/** Narrows what `parseAccount` answered of many accounts. */
export function allOf(read: readonly (Account | Refusal)[]): readonly Account[] | Refusal {
  const bad = read.find(isRefusal)
  return bad ?? (read as readonly Account[])
}
