import { instant } from '../../src/core/encoding/units.ts'
import { parseSite, siteBytes } from '../../src/core/fleet/topology.ts'
import { firstHead } from '../../src/core/ledger/site-chain.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import type { ControllerRow, SiteRow } from '../../src/flows/ports.ts'
import type { SharedKey } from './keys.ts'

/** Controllers of a site; a fleet of a million has 10,000 sites. */
export const PER_SITE = 100
export const REGIONS = 12
/** Until when reports of the drawn fleet came in: those of a month before this run. */
export const NOW = Math.floor(Date.now() / 1000) * 1000

/** Of a hundred controllers of a site: racks with their PCS, energy managers, gateways' neighbours. */
export const CLASSES = [
  ['bms', 64],
  ['pcs', 20],
  ['ems', 8],
  ['ups', 4],
  ['charger', 4],
] as const
export const VERSIONS = ['4.0.3', '4.1.0', '4.1.2', '4.2.0', '4.2.1'] as const
/** Shares of the versions, in percent: most are new, and a tail is not. */
const SHARES = [3, 7, 15, 45, 30] as const
/** Keys that controllers accept; the one in the middle, which all accept, may be that of a fleet that publishes. */
export const KIDS = ['3a', '5b', '7c'].map(two => two.repeat(32))

/** Numbers that look drawn and are the same in every run: a multiplicative hash of what they are for. */
export function draw(...of: readonly number[]): number {
  let state = 0x9e3779b9
  for (const part of of) {
    state = Math.imul(state ^ part, 0x85ebca6b)
    state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
    state ^= state >>> 16
  }
  return state >>> 0
}

export const siteName = (n: number): string => `site-${String(n).padStart(5, '0')}`
export const regionOf = (n: number): string => `region-${draw(1, n) % REGIONS}`

function classOf(place: number): string {
  let left = place
  for (const [name, count] of CLASSES) {
    if (left < count) return name
    left -= count
  }
  throw new Error(`no class for place ${place}`)
}

/** A controller's version: most of a site run the same of a class, as they were updated together. */
function versionOf(site: number, place: number): number {
  const together = draw(2, site, place % 3)
  const straggler = draw(3, site, place) % 50 === 0
  let left = (straggler ? draw(4, site, place) : together) % 100
  for (const [index, share] of SHARES.entries()) {
    if (left < share) return index
    left -= share
  }
  return 0
}

/** The controllers of a whole site. */
const WHOLE = Array.from({ length: PER_SITE }, (_, place) => place)

/** A site with the controllers of these places: all of them, unless told. */
export function siteRow(n: number, gatewayKey: Uint8Array, places: readonly number[] = WHOLE): SiteRow {
  const site = siteName(n)
  const described = orThrow(
    parseSite(
      {
        site,
        name: `Site ${n}`,
        region: regionOf(n),
        zone: 'Europe/Amsterdam',
        vendor: 'voltworks.example',
        gateway: { id: `${site}-gateway` },
        links: [{ id: 'lan', kind: 'ethernet' }],
        classes: Object.fromEntries(CLASSES.map(([name]) => [name, { hardware: 'r1', slot: '512KiB' }])),
        controllers: places.map(place => ({
          id: controllerName(place),
          class: classOf(place),
          link: 'lan',
          rack: `Rack ${Math.floor(place / 8)}`,
          ...(place % 10 === 0 ? { labels: [place === 0 ? 'critical' : 'spare'] } : {}),
        })),
      },
      site,
    ),
  )
  return { id: site, site: siteBytes(described), gatewayKey, upstream: 0, head: firstHead() }
}

export const controllerName = (place: number): string => `${classOf(place)}-${String(place).padStart(2, '0')}`

/** A controller's report; null for one in 500, which was never heard. */
export function reportOf(site: number, place: number): Report | null {
  if (draw(5, site, place) % 500 === 0) return null
  const version = versionOf(site, place)
  return {
    kind: 'voltseal-report',
    v: 1,
    site: siteName(site),
    controller: controllerName(place),
    sequence: 40 + (draw(6, site, place) % 400),
    at: instant(NOW - (draw(7, site, place) % 2_592_000) * 1000),
    event: 'boot',
    state: draw(8, site, place) % 5000 === 0 ? 'golden' : 'stable',
    running: { version: VERSIONS[version]!, sequence: 10 + version, digest: digestOf(version), slot: 'a' },
    previous: { version: VERSIONS[Math.max(0, version - 1)]!, sequence: 9 + version, digest: digestOf(version - 1) },
    golden: { version: '1.0.0', sequence: 1, digest: digestOf(9) },
    armed: false,
    counter: 4 + version,
    anchors: version >= 3 ? KIDS.slice(1) : KIDS.slice(0, 2),
    attempts: [],
  }
}

export const digestOf = (version: number): string => `${(version + 17).toString(16).padStart(2, '0')}`.repeat(32)

export function controllerRow(site: number, place: number, key: SharedKey): ControllerRow {
  const report = reportOf(site, place)
  const row = {
    site: siteName(site),
    id: controllerName(place),
    class: classOf(place),
    hardware: 'r1',
    reportKey: key.spki,
    decryptionKey: null,
  }
  if (report === null) return { ...row, report: null, sequence: 0 }
  return {
    ...row,
    report: sealReport(report, key.sign(orThrow(reportBytes(report)))),
    sequence: report.sequence,
    seenAt: report.at,
  }
}
