import type { PreviewSite } from '../../core/campaign/preview.ts'
import type { Instant } from '../../core/encoding/units.ts'
import type { CampaignDraft } from '../../wire/plan-views.ts'

/**
 * A dry run that was worked out. `of`: the digest of its plan; `asked`: of the request that it is of; `size`: of the log before
 * it; `touched`: the sites that what is said of it is about; `answer`: what its first page said.
 */
export type DryRun = {
  readonly who: string
  readonly of: string
  readonly asked: string
  readonly at: Instant
  readonly size: number
  readonly touched: readonly string[]
  readonly answer: CampaignDraft
  readonly sites: SitesKept
}

/**
 * What a dry run says of each site, in order of their names, as text: of a fleet of 10,000 sites that is some twenty megabytes, a fortieth
 * of what the plan in the making took.
 */
export class SitesKept {
  readonly #sites: readonly (readonly [site: string, said: string])[]
  readonly characters: number

  constructor(sites: readonly PreviewSite[]) {
    this.#sites = sites.map(one => [one.site, JSON.stringify(one)] as const)
    this.characters = this.#sites.reduce((sum, [, said]) => sum + said.length, 0)
  }

  /** At most so many sites behind one, and whether there are more. */
  page(most: number, behind = ''): Pick<CampaignDraft['preview'], 'sites' | 'more'> {
    const first = this.#sites.findIndex(([site]) => site > behind)
    const page = first < 0 ? [] : this.#sites.slice(first, first + most)
    return { sites: page.map(([, said]) => JSON.parse(said)), more: first >= 0 && first + most < this.#sites.length }
  }
}

/** Dry runs that are kept together at most, and their characters. */
const RUNS = 8
const CHARACTERS = 64 << 20
/** For so long nobody reads on in a dry run before it is forgotten, in milliseconds. */
const KEPT_FOR = 600_000

/**
 * The dry runs that were worked out last, in memory, each for who asked for it: their further pages are of the very same plan, and are
 * not worked out again. Those that were read longest ago go first; one that is too large to be kept is not, and a server that
 * starts anew has none.
 */
export class DryRuns {
  readonly #kept = new Map<string, { readonly run: DryRun; readonly used: number }>()

  keep(run: DryRun, now: Instant): void {
    if (run.sites.characters > CHARACTERS) return
    this.#use(run, now)
    this.#forget(now)
  }

  /** The dry run of that digest, as long as it is there and is who asks's own, and of the same request. */
  find(named: Pick<DryRun, 'who' | 'of' | 'asked'>, now: Instant): DryRun | null {
    this.#forget(now)
    const run = this.#kept.get(keyOf(named))?.run
    if (run === undefined || run.asked !== named.asked) return null
    this.#use(run, now)
    return run
  }

  /** Used last: at the end of the order. */
  #use(run: DryRun, now: Instant): void {
    this.#kept.delete(keyOf(run))
    this.#kept.set(keyOf(run), { run, used: now })
  }

  #forget(now: Instant): void {
    let characters = [...this.#kept.values()].reduce((sum, { run }) => sum + run.sites.characters, 0)
    for (const [key, { run, used }] of this.#kept) {
      if (now - used <= KEPT_FOR && this.#kept.size <= RUNS && characters <= CHARACTERS) return
      this.#kept.delete(key)
      characters -= run.sites.characters
    }
  }
}

const keyOf = ({ who, of }: Pick<DryRun, 'who' | 'of'>): string => `${who} ${of}`
