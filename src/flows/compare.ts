import { isSettled } from '../core/campaign/outcome.ts'
import type { Running } from '../core/campaign/path-rules.ts'
import { isImage } from '../core/campaign/path-shelf.ts'
import type { Versions } from '../core/campaign/versions-beside.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { parseVersion } from '../core/firmware/version.ts'
import { isRefusal } from '../core/refusal/refusal.ts'
import type { ReportedVersion } from '../core/trust/report.ts'
import type { GatewayControllerRow, SiteWorld } from './ports.ts'
import { type Agreed, workOf } from './relay.ts'
import { factsOf, reportAt, reported, statedAt } from './state.ts'

/**
 * What runs at the site, and what those with an order become. A controller that is away or on trial may run what it
 * attests, what it has staged, and what it could go back to; the others run what they attest.
 */
export async function versionsAt(
  world: SiteWorld,
  rows: readonly GatewayControllerRow[],
  orders: ReadonlyMap<string, Agreed>,
): Promise<Versions> {
  const stated = await statedAt(world)
  const becomes = new Map<string, Running>()
  for (const [id, { envelope }] of orders) {
    const facts = await factsOf(world, envelope.sha256, () => world.blobs.read(envelope))
    if (facts !== null) becomes.set(id, { class: facts.class, version: facts.version, facts })
  }
  const classes = new Map(world.site.controllers.map(one => [one.id, one.class]))
  const runs = new Map<string, readonly Running[]>()
  for (const row of rows) {
    const name = classes.get(row.id)
    const report = reportAt(world, row)
    if (name === undefined || report === null) continue
    const { at } = workOf(row)
    // Somebody at the site may have armed what it has staged: it runs that with its next reset.
    const settled = isSettled(report) && at !== 'granted' && at !== 'leaving'
    const ordered = settled ? undefined : becomes.get(row.id)
    const versions = settled ? [report.running] : reported(report)
    const all = versions.map(one => runningOf(name, one, stated))
    runs.set(row.id, ordered === undefined ? all : [...all, ordered])
  }
  return { runs, becomes }
}

function runningOf(name: string, { version, digest }: ReportedVersion, stated: readonly ReleaseFacts[]): Running {
  const read = parseVersion(version, name)
  const facts = stated.find(one => one.class === name && isImage(one, digest)) ?? null
  return { class: name, version: isRefusal(read) ? null : read, facts }
}
