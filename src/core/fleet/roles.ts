import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'

/**
 * Who may do what, and where: roles, actions and scopes in one table. The fleet's doors ask `mayDo` and nothing else;
 * docs/roles.md is written from this table, and every cell of it is tried against a real server.
 */

/** The roles, in the order of the table's columns. `side`: the maker's people and the operator's are separate organisations. */
export const ROLES = [
  { role: 'release-manager', side: 'maker', what: 'publishes releases for their maker' },
  { role: 'planner', side: 'operator', what: 'draws up campaigns' },
  { role: 'approver', side: 'operator', what: 'reads plans, and signs or rejects them' },
  { role: 'operator', side: 'operator', what: 'runs approved campaigns' },
  { role: 'site-engineer', side: 'operator', what: 'takes sites in, and looks after them' },
  { role: 'technician', side: 'operator', what: 'works at a site, with what is ordered for it' },
  { role: 'auditor', side: 'neither', what: 'reads everything, changes nothing' },
  { role: 'administrator', side: 'neither', what: 'says who may do what; closes ceremonies' },
] as const

export type Role = (typeof ROLES)[number]['role']
export type Side = (typeof ROLES)[number]['side']

const yes = true
const no = false

/** One cell for each role, in the order of `ROLES`. */
type Cells = CellsOf<typeof ROLES>
type CellsOf<Columns extends readonly unknown[]> = { readonly [Column in keyof Columns]: boolean }

/**
 * One action that a door of the fleet knows. `at` says what it concerns: the `fleet` as a whole, so that only a grant over the
 * fleet allows it; `sites`, each of which must lie in the scope of a grant; or what is `shared` by all sites, such as published
 * releases, which a grant in any scope allows.
 */
type ActionRow = { readonly at: 'fleet' | 'sites' | 'shared'; readonly what: string; readonly may: Cells }

/* Columns: release-manager, planner, approver, operator, site-engineer, technician, auditor, administrator. */
const TABLE = {
  publish: { at: 'fleet', what: 'upload files and publish releases', may: [yes, no, no, no, no, no, no, no] },
  'close-ceremony': {
    at: 'fleet',
    what: 'hand in what was signed at a ceremony',
    may: [no, no, no, no, no, no, no, yes],
  },
  plan: { at: 'sites', what: 'draw up a campaign', may: [no, yes, no, no, no, no, no, no] },
  approve: { at: 'sites', what: 'hand in one’s own signature of a plan', may: [no, no, yes, no, no, no, no, no] },
  reject: { at: 'sites', what: 'reject a plan for good', may: [no, no, yes, no, no, no, no, no] },
  'wrap-keys': { at: 'sites', what: 'bring wrapped content keys', may: [no, yes, no, yes, no, no, no, no] },
  start: { at: 'sites', what: 'start an approved campaign', may: [no, no, no, yes, no, no, no, no] },
  pause: { at: 'sites', what: 'pause a campaign', may: [no, no, no, yes, yes, no, no, no] },
  resume: { at: 'sites', what: 'let a paused campaign go on', may: [no, no, no, yes, no, no, no, no] },
  halt: { at: 'sites', what: 'halt a campaign for good', may: [no, no, no, yes, yes, no, no, no] },
  retry: { at: 'sites', what: 'give failed controllers another turn', may: [no, no, no, yes, no, no, no, no] },
  'roll-back': { at: 'sites', what: 'take a campaign back', may: [no, no, no, yes, no, no, no, no] },
  enrol: { at: 'sites', what: 'take a site in, or exchange a device', may: [no, no, no, no, yes, no, no, no] },
  'carry-orders': {
    at: 'sites',
    what: 'fetch what is ordered for a site, to carry it there',
    may: [no, no, no, yes, yes, yes, no, no],
  },
  'read-inventory': {
    at: 'sites',
    what: 'see controllers, versions, keys and their history',
    may: [no, yes, yes, yes, yes, yes, yes, yes],
  },
  'read-campaigns': {
    at: 'sites',
    what: 'see campaigns, plans and drafts of approvals',
    may: [no, yes, yes, yes, yes, yes, yes, yes],
  },
  'read-releases': {
    at: 'shared',
    what: 'see what is published, and what a release must carry',
    may: [yes, yes, yes, yes, yes, yes, yes, yes],
  },
  'fetch-files': {
    at: 'shared',
    what: 'fetch signed metadata and published files',
    may: [yes, yes, yes, yes, yes, yes, yes, yes],
  },
  'read-status': {
    at: 'shared',
    what: 'see what expires and what needs a person',
    may: [yes, yes, yes, yes, yes, no, yes, yes],
  },
  'read-audit': { at: 'fleet', what: 'read and export the audit log', may: [no, no, no, no, no, no, yes, yes] },
  'read-accounts': { at: 'fleet', what: 'see accounts and their roles', may: [no, no, no, no, no, no, yes, yes] },
  'manage-accounts': {
    at: 'fleet',
    what: 'make, change and disable accounts and tokens',
    may: [no, no, no, no, no, no, no, yes],
  },
  'read-metrics': { at: 'fleet', what: 'see the figures of the server', may: [no, no, no, yes, no, no, yes, yes] },
  'read-webhooks': { at: 'fleet', what: 'see who outside is told of what', may: [no, no, no, no, no, no, yes, yes] },
  'manage-webhooks': {
    at: 'fleet',
    what: 'say who outside is told of what, and have it told again',
    may: [no, no, no, no, no, no, no, yes],
  },
} as const satisfies Readonly<Record<string, ActionRow>>

export type Action = keyof typeof TABLE
/** Actions on what is the whole fleet's, and those at sites: a route names its places for the second kind only. */
export type FleetAction = { [A in Action]: (typeof TABLE)[A]['at'] extends 'sites' ? never : A }[Action]
export type SiteAction = Exclude<Action, FleetAction>

/** What the tables of docs and tests are made from. */
export const ACTIONS: Readonly<Record<Action, ActionRow>> = TABLE
export const ACTION_NAMES = Object.keys(TABLE) as readonly Action[]
export const ROLE_NAMES: readonly Role[] = ROLES.map(({ role }) => role)

/** Whether a role, in a scope that is wide enough, allows an action. */
export const roleAllows = (role: Role, action: Action): boolean =>
  ACTIONS[action].may[ROLE_NAMES.indexOf(role)] === true

export const sideOf = (role: Role): Side => ROLES.find(one => one.role === role)!.side

/** Where a role holds: everywhere, in a region, or at a site. Its text is `fleet`, `region:NAME` or `site:NAME`. */
export type Scope =
  | { readonly at: 'fleet' }
  | { readonly at: 'region'; readonly region: string }
  | { readonly at: 'site'; readonly site: string }

/** A role that somebody has, and where. */
export type Grant = { readonly role: Role; readonly scope: Scope }

/** Where an action takes place: the fleet as a whole, or a site in its region. An unknown site lies in no region. */
export type Place =
  | { readonly at: 'fleet' }
  | { readonly at: 'site'; readonly site: string; readonly region: string | null }

export const FLEET: { readonly at: 'fleet' } = { at: 'fleet' }

export const scopeText = (scope: Scope): string =>
  scope.at === 'fleet' ? 'fleet' : scope.at === 'region' ? `region:${scope.region}` : `site:${scope.site}`

export const grantText = ({ role, scope }: Grant): string => `${role}@${scopeText(scope)}`

/** A region as a place of its own: a role at one site of it does not reach it. */
export const regionPlace = (region: string): Place => ({ at: 'site', site: '', region })

function placeText(place: Place): string {
  if (place.at === 'fleet') return 'the fleet'
  return place.site === '' ? `region ${place.region}` : `site ${place.site}`
}

function reaches(scope: Scope, place: Place): boolean {
  if (scope.at === 'fleet') return true
  if (place.at === 'fleet') return false
  return scope.at === 'region' ? scope.region === place.region : scope.site === place.site
}

const isShared = (action: Action): boolean => ACTIONS[action].at === 'shared'

function allowed(grants: readonly Grant[], action: Action, place: Place): boolean {
  // What concerns the whole fleet is nowhere less than there, whatever place is named.
  const where = ACTIONS[action].at === 'fleet' ? FLEET : place
  return grants.some(({ role, scope }) => roleAllows(role, action) && (isShared(action) || reaches(scope, where)))
}

/**
 * Who asks: an account with its grants, and the narrower ones of the token that it came with; null: it came without a token.
 * `id` is the account's name.
 */
export type Holder = {
  readonly id: string
  readonly disabled: boolean
  readonly grants: readonly Grant[]
  readonly narrowed: readonly Grant[] | null
}

/**
 * Whether somebody may do something at a place: null, or why not. The token's grants and the account's must both allow it:
 * whoever loses a role loses it in all of their tokens. Refuses `account-disabled`, `role-missing`, `token-too-narrow`.
 */
export function mayDo(holder: Holder, action: Action, place: Place): null | Refusal {
  if (holder.disabled) return refuse('account-disabled', holder.id, 'an account in force', 'one that is disabled')
  const subject = `${holder.id}: ${action} at ${placeText(place)}`
  if (!allowed(holder.grants, action, place)) {
    return refuse('role-missing', subject, rolesFor(action, place), held(holder.grants))
  }
  if (holder.narrowed === null || allowed(holder.narrowed, action, place)) return null
  return refuse('token-too-narrow', subject, rolesFor(action, place), held(holder.narrowed))
}

/** The same at each of several places. An action at no place at all is one on the whole fleet. */
export function mayDoAll(holder: Holder, action: Action, places: readonly Place[]): null | Refusal {
  for (const place of places.length === 0 ? [FLEET] : places) {
    const refusal = mayDo(holder, action, place)
    if (refusal !== null) return refusal
  }
  return null
}

/**
 * The roles that let somebody do something at these places (none: anywhere), each as `ROLE@SCOPE`: for the log, behind `mayDo`.
 * Of who came with a narrower token, the token's.
 */
export function actingRoles({ grants, narrowed }: Holder, action: Action, places: readonly Place[]): readonly string[] {
  const where = ACTIONS[action].at === 'fleet' ? [FLEET] : places
  const allow = ({ role, scope }: Grant): boolean =>
    roleAllows(role, action) && (isShared(action) || where.length === 0 || where.some(place => reaches(scope, place)))
  return (narrowed ?? grants).filter(allow).map(grantText)
}

/** Whether somebody may do something anywhere at all: what they see of it, `sees` says. Refuses as `mayDo`. */
export function mayDoSomewhere(holder: Holder, action: Action): null | Refusal {
  if (ACTIONS[action].at !== 'sites') return mayDo(holder, action, FLEET)
  // A place inside the scope of each grant stands for all of them: what none of these allows, nothing does.
  const places = holder.grants.map(({ scope }) => within(scope))
  const refusals = places.map(place => mayDo(holder, action, place))
  const narrowed = (holder.narrowed ?? []).map(({ scope }) => mayDo(holder, action, within(scope)))
  const all = [...refusals, ...narrowed]
  if (all.some(one => one === null)) return null
  return all.find(one => isRefusal(one)) ?? mayDo(holder, action, FLEET)
}

/** A place that a scope reaches, and as little else as can be. */
function within(scope: Scope): Place {
  if (scope.at === 'fleet') return FLEET
  return scope.at === 'region' ? regionPlace(scope.region) : { at: 'site', site: scope.site, region: null }
}

/** Where somebody may do something: everywhere, or in these regions and at these sites. For queries that filter. */
export type Reach = 'all' | { readonly regions: ReadonlySet<string>; readonly sites: ReadonlySet<string> }

/** What `mayDo` allows of an action, put as places: for lists, which show what their reader may see. */
export function reachOf(holder: Holder, action: Action): Reach {
  const own = reachOfGrants(holder.disabled ? [] : holder.grants, action)
  return holder.narrowed === null ? own : common(own, reachOfGrants(holder.narrowed, action))
}

function reachOfGrants(grants: readonly Grant[], action: Action): Reach {
  const scopes = grants.filter(({ role }) => roleAllows(role, action)).map(({ scope }) => scope)
  if (scopes.some(({ at }) => at === 'fleet')) return 'all'
  return {
    regions: new Set(scopes.flatMap(scope => (scope.at === 'region' ? [scope.region] : []))),
    sites: new Set(scopes.flatMap(scope => (scope.at === 'site' ? [scope.site] : []))),
  }
}

/** Each action of the table with the scopes in which somebody may do it, as texts of `scopeText`; none: nowhere. */
export type MayTable = Readonly<Record<Action, readonly string[]>>

/**
 * What somebody may do and where, for what shows people what is open to them. What is shared by all sites is done in the scope
 * of the fleet, whichever role allows it. It decides nothing: each request is judged by `mayDo`.
 */
export function mayTable(holder: Holder): MayTable {
  const scopes = (action: Action): readonly string[] => {
    if (ACTIONS[action].at !== 'sites') return mayDo(holder, action, FLEET) === null ? [scopeText(FLEET)] : []
    const reach = reachOf(holder, action)
    if (reach === 'all') return [scopeText(FLEET)]
    const regions = [...reach.regions].sort().map(region => scopeText({ at: 'region', region }))
    return [...regions, ...[...reach.sites].sort().map(site => scopeText({ at: 'site', site }))]
  }
  return Object.fromEntries(ACTION_NAMES.map(action => [action, scopes(action)])) as unknown as MayTable
}

/** What lies in both. A site of one in a region of the other is not told here: the list that filters judges both. */
function common(one: Reach, other: Reach): Reach {
  if (one === 'all') return other
  if (other === 'all') return one
  return { regions: one.regions.intersection(other.regions), sites: one.sites.intersection(other.sites) }
}

/**
 * Whether all that a grant allows is allowed by others too, at every place: what a token may be given at most. An action on
 * the whole fleet counts only where the scope is the fleet.
 */
export function isCovered(grant: Grant, by: readonly Grant[]): boolean {
  return ACTION_NAMES.filter(action => roleAllows(grant.role, action)).every(action =>
    by.some(({ role, scope }) => roleAllows(role, action) && (isShared(action) || scopeCovers(scope, grant.scope))),
  )
}

function scopeCovers(outer: Scope, inner: Scope): boolean {
  if (outer.at === 'fleet') return true
  if (outer.at === 'region') return inner.at === 'region' && inner.region === outer.region
  return inner.at === 'site' && inner.site === outer.site
}

/** The roles that allow an action, and the scope that they have to reach: a role that is held elsewhere alone is not enough. */
function rolesFor(action: Action, place: Place): string {
  const roles = ROLE_NAMES.filter(role => roleAllows(role, action)).join(' or ')
  if (isShared(action)) return roles
  return `${roles}, for ${ACTIONS[action].at === 'fleet' || place.at === 'fleet' ? 'the whole fleet' : placeText(place)}`
}

const held = (grants: readonly Grant[]): string => (grants.length === 0 ? 'no role' : grants.map(grantText).join(', '))
