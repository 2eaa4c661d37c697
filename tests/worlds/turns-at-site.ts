import { decideSiteWork, mayStillBeOut, type SiteEvent, type SiteWork } from '../../src/core/campaign/site-work.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'

/** The turns at a site, by the gateway's own table: it hears orders late, grants turns, and says what it goes by. */
export class TurnsAtSite {
  readonly site: string
  readonly #work = new Map<string, SiteWork>(['c0', 'c1'].map(id => [id, { at: 'idle' }]))
  #version: number | null = null

  constructor(site: string) {
    this.site = site
  }

  #step(id: string, event: SiteEvent): void {
    this.#work.set(id, orThrow(decideSiteWork(this.#work.get(id) as SiteWork, event)))
  }

  hears(version: number, ordered: readonly string[]): void {
    const orders = new Map(ordered.map(one => one.split(' ').reverse() as [string, string]))
    for (const id of this.#work.keys()) {
      const campaign = orders.get(id)
      this.#step(
        id,
        campaign === undefined ? { kind: 'withdrawn' } : { kind: 'assigned', assignment: `${campaign}/0/1` },
      )
    }
    this.#version = version
  }

  grants(id: string): void {
    const work = this.#work.get(id) as SiteWork
    if (work.at !== 'staging') return
    this.#step(id, { kind: 'staged', assignment: work.assignment, at: instant(0) })
    this.#step(id, { kind: 'grant', at: instant(0), latest: instant(0) })
  }

  through(id: string): void {
    this.#step(id, { kind: 'through' })
    const work = this.#work.get(id) as SiteWork
    if ('assignment' in work) this.#step(id, { kind: 'ended', assignment: work.assignment, result: 'confirmed' })
  }

  away(): string[] {
    return [...this.#work].filter(([, { at }]) => at === 'granted' || at === 'leaving').map(([id]) => id)
  }

  get shows(): number | null {
    const out = [...this.#work.values()].some(work => mayStillBeOut(work, new Map(), [instant(0)]))
    return out ? null : this.#version
  }
}
