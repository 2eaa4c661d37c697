import type { AuditEntry } from '../core/ledger/entry.ts'
import { knownDevice, nameOf, noOrigins, type Origins } from '../core/ledger/origins.ts'
import { takeOrigin } from '../core/ledger/take-origin.ts'
import { keyOf, placeAt } from './fold.ts'
import type { FleetChange, FleetWorld, SiteRow } from './ports.ts'

type Told = Required<Pick<FleetChange, 'sites' | 'histories' | 'breaks' | 'mended'>>

/**
 * What entries of a log that is brought back say of sites: how far the gateways' own logs and their controllers' histories were taken
 * in, and what broke in them.
 */
export class FoldedCopy {
  readonly #world: FleetWorld
  readonly #sites: readonly SiteRow[]
  readonly #devices = new Map<string, { readonly site: string; readonly controller: string }>()
  // The fleet verified the signatures when it took them in.
  readonly #origins: Origins = noOrigins(false)

  private constructor(world: FleetWorld, sites: readonly SiteRow[]) {
    this.#world = world
    this.#sites = sites
    for (const { id, upstream, head } of sites) this.#origins.gateways.set(id, { sequence: upstream, head, known: 0 })
  }

  /** Begins where the store is. */
  static async of(world: FleetWorld): Promise<FoldedCopy> {
    return new FoldedCopy(world, await world.store.sites())
  }

  /** Takes the next entry. What does not hold in it was so before: `audit verify` finds it. */
  async take(entry: AuditEntry, index: number): Promise<void> {
    await this.#know(entry)
    takeOrigin(this.#world.crypto, this.#origins, entry, index)
  }

  /** Where the entries lead. A site that the store does not know is registered anew, and its gateway's log begins anew. */
  change(): Told {
    const { gateways, devices, breaks } = this.#origins
    const sites = this.#sites.flatMap(site => {
      const { sequence, head } = gateways.get(site.id) as NonNullable<ReturnType<typeof gateways.get>>
      return sequence > site.upstream ? [{ ...site, upstream: sequence, head }] : []
    })
    const histories = [...this.#devices].flatMap(([name, ref]) => {
      const { key, place } = devices.get(name) as NonNullable<ReturnType<typeof devices.get>>
      return key === null ? [] : [{ ...ref, key: keyOf(this.#world, key), ...place }]
    })
    const at = this.#world.clock.now()
    return {
      sites,
      histories,
      breaks: breaks.map(({ site, controller, code, from, to }) => ({
        site,
        controller: controller ?? '',
        code,
        from,
        to,
        at,
      })),
      mended: histories.map(({ site, controller, told }) => ({ site, controller, to: told })),
    }
  }

  /** What the store has of the controller that an entry tells of, before the entry changes it. */
  async #know({ kind, site, controller }: AuditEntry): Promise<void> {
    if (site === undefined || controller === undefined || !TELLS.has(kind)) return
    const ref = { site, controller }
    if (this.#devices.has(nameOf(ref))) return
    this.#devices.set(nameOf(ref), ref)
    const { store } = this.#world
    const key = (await store.controller(site, controller))?.reportKey ?? null
    if (key === null) return
    const place = placeAt(await store.histories.history(site, controller), keyOf(this.#world, key))
    this.#origins.devices.set(nameOf(ref), knownDevice(key, place))
  }
}

const TELLS: ReadonlySet<AuditEntry['kind']> = new Set(['controller-registered', 'controller-report', 'device-history'])
