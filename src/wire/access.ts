import type { FleetAction, SiteAction } from '../core/fleet/roles.ts'

/** Which sites a request is about: what its path names, a campaign's sites, or the site of an enrolment. */
export type About = 'site' | 'campaign' | 'enrolment' | 'fleet'

/**
 * Who may use a route. Every route of the fleet's door says it.
 * - `gateways`: a gateway's certificate, and nothing else.
 * - `gateways-or`: a gateway, or an account that may do this.
 * - `strangers`: anybody who reaches the door; for signing in.
 * - `accounts`: any account in force; for what everybody may do with what is theirs.
 * - `own-or`: the account that the path names (`id`), or one that may do this.
 * - `roles`: an account that may do this: on the whole fleet (`at: 'fleet'`), at every site or at some site that the request is
 *   about, or anywhere at all: then the handler shows and does no more than the account may.
 * - `command`: as `roles`, at every site of the campaign; which action it is, the command in the body says.
 */
export type Access = GatewayAccess | SharedAccess | OpenAccess | AccountAccess
export type GatewayAccess = { readonly for: 'gateways' }
export type SharedAccess = { readonly for: 'gateways-or'; readonly action: FleetAction }
export type OpenAccess = { readonly for: 'strangers' }
/** Only accounts come in: whose, the handler is told. */
export type AccountAccess =
  | { readonly for: 'accounts' }
  | { readonly for: 'own-or'; readonly action: FleetAction }
  | { readonly for: 'roles'; readonly action: FleetAction; readonly at: 'fleet' }
  | { readonly for: 'roles'; readonly action: SiteAction; readonly at: 'anywhere' }
  | { readonly for: 'roles'; readonly action: SiteAction; readonly at: { readonly every: About } }
  | { readonly for: 'roles'; readonly action: SiteAction; readonly at: { readonly some: About } }
  | { readonly for: 'command' }

export const GATEWAYS: GatewayAccess = { for: 'gateways' }
export const STRANGERS: OpenAccess = { for: 'strangers' }
export const ACCOUNTS: AccountAccess = { for: 'accounts' }
export const COMMAND: AccountAccess = { for: 'command' }
/** Gateways, and accounts that may do this. */
export const gatewaysOr = (action: FleetAction): SharedAccess => ({ for: 'gateways-or', action })
/** The account of the path, and those that may do this. */
export const ownOr = (action: FleetAction): AccountAccess => ({ for: 'own-or', action })
/** An action on the whole fleet. */
export const may = (action: FleetAction): AccountAccess => ({ for: 'roles', action, at: 'fleet' })
/** An action at every site that a request is about. */
export const mayAtEach = (action: SiteAction, every: About): AccountAccess => ({ for: 'roles', action, at: { every } })
/** An action at one at least of the sites: for what shows all of them. */
export const mayAtSome = (action: SiteAction, some: About): AccountAccess => ({ for: 'roles', action, at: { some } })
/** An action anywhere: the handler limits what it shows or does. */
export const mayAnywhere = (action: SiteAction): AccountAccess => ({ for: 'roles', action, at: 'anywhere' })
