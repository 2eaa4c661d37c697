import { instant } from '../../src/core/encoding/units.ts'
import { parseSite, siteBytes } from '../../src/core/fleet/topology.ts'
import { firstHead } from '../../src/core/ledger/site-chain.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { type Report, sealReport } from '../../src/core/trust/report.ts'
import type { ControllerRow, SiteRow } from '../../src/flows/ports.ts'

/** A controller of a drawn fleet, as its site and it itself describe it. */
export type Drawn = {
  readonly site: string
  readonly region: string
  readonly id: string
  readonly class: string
  readonly rack?: string
  readonly cabinet?: string
  readonly labels?: readonly string[]
  readonly said?: Said
}

/** What a board said last, and when it was heard. */
export type Said = {
  readonly sequence: number
  readonly version: string
  readonly state: Report['state']
  readonly counter: number
  readonly anchors: readonly string[]
  readonly seenAt: number
  readonly event?: Report['event']
  readonly attempts?: Report['attempts']
}

/** The registration of a site with these controllers. */
export function siteRow(site: string, region: string, controllers: readonly Drawn[]): SiteRow {
  const classes = new Set(controllers.map(one => one.class))
  const described = orThrow(
    parseSite(
      {
        site,
        name: site,
        region,
        zone: 'Europe/Amsterdam',
        vendor: 'voltworks.example',
        gateway: { id: `${site}-gateway` },
        links: [{ id: 'lan', kind: 'ethernet' }],
        classes: Object.fromEntries([...classes].map(name => [name, { hardware: 'r1', slot: '64KiB' }])),
        controllers: controllers.map(({ id, class: of, rack, cabinet, labels }) => ({
          id,
          class: of,
          link: 'lan',
          ...(rack === undefined ? {} : { rack }),
          ...(cabinet === undefined ? {} : { cabinet }),
          ...(labels === undefined || labels.length === 0 ? {} : { labels }),
        })),
      },
      site,
    ),
  )
  return { id: site, site: siteBytes(described), gatewayKey: Uint8Array.of(1), upstream: 0, head: firstHead() }
}

/** The bytes of a report; its signature is none, since a store verifies nothing. */
export function reportOf({ site, id }: Pick<Drawn, 'site' | 'id'>, said: Said): Uint8Array {
  const digest = said.version.length.toString(16).padStart(2, '0').repeat(32)
  const report: Report = {
    kind: 'voltseal-report',
    v: 1,
    site,
    controller: id,
    sequence: said.sequence,
    at: instant(said.seenAt),
    event: said.event ?? 'boot',
    state: said.state,
    running: { version: said.version, sequence: 1, digest, slot: said.state === 'golden' ? 'golden' : 'a' },
    counter: said.counter,
    anchors: said.anchors,
    attempts: said.attempts ?? [],
  }
  return sealReport(report, Uint8Array.of(1))
}

/** The registration of a controller, with what it said last. */
export function controllerRow(drawn: Drawn): ControllerRow {
  const { site, id, class: of, said } = drawn
  const row = { site, id, class: of, hardware: 'r1', reportKey: Uint8Array.of(2), decryptionKey: null }
  if (said === undefined) return { ...row, report: null, sequence: 0 }
  const report = reportOf(drawn, said)
  return { ...row, report, sequence: said.sequence, seenAt: instant(said.seenAt) }
}
