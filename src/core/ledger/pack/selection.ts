import type { AuditEntry } from '../entry.ts'
import type { Query } from './query.ts'

/**
 * Which entries of a log a query cites, and why: `asked`: it fits the query itself; `campaign`: it tells of the campaign (plan,
 * approvals, waves) that an entry which was asked for belongs to, or which release a turn in it was for; `release`: it tells of the
 * publication of a release in them; `server`: a query of sites alone also asks for what happened to the server that updates them.
 */
export const REASONS = ['asked', 'campaign', 'release', 'server'] as const
export type Reason = (typeof REASONS)[number]
export type Cited = { readonly index: number; readonly why: Reason; readonly entry: AuditEntry }

type Placed = { readonly index: number; readonly entry: AuditEntry }
type Campaign = {
  readonly changeRequest: string | undefined
  readonly releases: readonly string[]
  /** What was told of it before an entry of it was asked for. */
  readonly heads: Placed[]
  hit: boolean
}

/**
 * Selects while a log is read from its first entry to its last: give it each entry with its index, then `end`. The cited entries
 * hold all that the choice was made by: selecting from them alone cites the same ones for the same reasons.
 */
export class Selection {
  readonly #query: Query
  readonly #campaigns = new Map<string, Campaign>()
  /** The order that a controller's turn in a campaign goes back to, where a release is asked for. */
  readonly #turns = new Map<string, Placed>()
  readonly #publications = new Map<string, Placed[]>()
  readonly #releases = new Set<string>()
  readonly #cited = new Map<number, Cited>()

  constructor(query: Query) {
    this.#query = query
  }

  take(index: number, entry: AuditEntry): void {
    const { kind } = entry
    const name = campaignOf(entry)
    if (kind === 'campaign-created' && name !== undefined) this.#begin(name, entry)
    const campaign = name === undefined ? undefined : this.#campaigns.get(name)
    if (isPublication(kind) && entry.release !== undefined) {
      this.#publications.set(entry.release, [...(this.#publications.get(entry.release) ?? []), { index, entry }])
    }
    const turn = this.#query.release === undefined ? undefined : turnOf(entry, name)
    if (turn !== undefined && kind === 'controller-assigned') this.#turns.set(turn, { index, entry })
    const order = turn === undefined ? undefined : this.#turns.get(turn)
    if (this.#isAsked(entry, campaign, order)) this.#ask(index, entry, campaign, order)
    else if (campaign !== undefined && entry.site === undefined) this.#head(index, entry, campaign)
    else if (this.#isServers(entry, name)) this.#cite(index, entry, 'server')
  }

  /** All that is cited, by index. */
  end(): Cited[] {
    for (const release of this.#releases) {
      for (const { index, entry } of this.#publications.get(release) ?? []) this.#cite(index, entry, 'release')
    }
    return [...this.#cited.values()].sort((a, b) => a.index - b.index)
  }

  #begin(name: string, { changeRequest, detail }: AuditEntry): void {
    const releases = Array.isArray(detail.releases) ? detail.releases : []
    const named = releases.flatMap(one =>
      typeof one === 'object' && one !== null && 'sha256' in one && typeof one.sha256 === 'string' ? [one.sha256] : [],
    )
    this.#campaigns.set(name, { changeRequest, releases: named, heads: [], hit: false })
  }

  #isAsked(entry: AuditEntry, campaign: Campaign | undefined, order: Placed | undefined): boolean {
    const { sites, from, to, changeRequest, release } = this.#query
    if (sites !== undefined && (entry.site === undefined || !sites.includes(entry.site))) return false
    if ((from !== undefined && entry.at < from) || (to !== undefined && entry.at >= to)) return false
    if (changeRequest !== undefined && (entry.changeRequest ?? campaign?.changeRequest) !== changeRequest) return false
    return release === undefined || (entry.release ?? order?.entry.release) === release
  }

  #ask(index: number, entry: AuditEntry, campaign: Campaign | undefined, order: Placed | undefined): void {
    this.#cite(index, entry, 'asked')
    if (entry.release !== undefined) this.#releases.add(entry.release)
    if (entry.release === undefined && order !== undefined) this.#cite(order.index, order.entry, 'campaign')
    if (campaign === undefined || campaign.hit) return
    campaign.hit = true
    for (const release of campaign.releases) this.#releases.add(release)
    for (const head of campaign.heads.splice(0)) this.#cite(head.index, head.entry, 'campaign')
  }

  #head(index: number, entry: AuditEntry, campaign: Campaign): void {
    if (campaign.hit) this.#cite(index, entry, 'campaign')
    else campaign.heads.push({ index, entry })
  }

  #isServers({ kind, at, site, release }: AuditEntry, campaign: string | undefined): boolean {
    const { sites, from, to, changeRequest, release: asked } = this.#query
    if (sites === undefined || changeRequest !== undefined || asked !== undefined) return false
    if (site !== undefined || campaign !== undefined || (release !== undefined && isPublication(kind))) return false
    return (from === undefined || at >= from) && (to === undefined || at < to)
  }

  /** The first reason stays, except that what is asked for is asked for. */
  #cite(index: number, entry: AuditEntry, why: Reason): void {
    if (why === 'asked' || !this.#cited.has(index)) this.#cited.set(index, { index, why, entry })
  }
}

/** Selects from entries that are at hand. */
export function select(query: Query, entries: Iterable<readonly [index: number, entry: AuditEntry]>): Cited[] {
  const selection = new Selection(query)
  for (const [index, entry] of entries) selection.take(index, entry)
  return selection.end()
}

const isPublication = (kind: AuditEntry['kind']): boolean => kind === 'release-published' || kind === 'release-revoked'

/** A controller's signed report names the turn that it is about: `CAMPAIGN/...`. */
export function campaignOf({ kind, campaign, detail }: AuditEntry): string | undefined {
  if (campaign !== undefined || kind !== 'controller-report') return campaign
  return typeof detail.assignment === 'string' ? detail.assignment.split('/')[0] : undefined
}

const turnOf = ({ site, controller }: AuditEntry, campaign: string | undefined): string | undefined =>
  site === undefined || controller === undefined || campaign === undefined
    ? undefined
    : JSON.stringify([campaign, site, controller])
