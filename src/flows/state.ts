import { type Standing, standingOf } from '../core/campaign/outcome.ts'
import { isImage } from '../core/campaign/path-shelf.ts'
import { sameBytes, toHex } from '../core/encoding/bytes.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { openEnvelope } from '../core/firmware/suit-open.ts'
import { lastReport } from '../core/fleet/attested.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import type { Report, ReportedVersion } from '../core/trust/report.ts'
import type { GatewayControllerRow, RepoFile, SiteWorld } from './ports.ts'
import { recognisedAt } from './recognise.ts'

/**
 * What the releases at a site state of each other's versions, by the envelopes of those that were assigned here. What was
 * installed before, by others, states nothing.
 */
const STATED = 'stated'

/** Envelopes that were opened, by their digest: facts, or null for one that the gateway does not take. */
const opened = new WeakMap<readonly unknown[], Map<string, ReleaseFacts | null>>()

/** Verified reports, once for each. */
const reports = new WeakMap<SiteWorld, Map<string, { readonly bytes: Uint8Array; readonly report: Report | null }>>()

/** A controller's last report, verified; null before the first, and for one that no longer verifies. */
export function reportAt(world: SiteWorld, row: GatewayControllerRow): Report | null {
  const known = reports.get(world) ?? new Map()
  reports.set(world, known)
  const before = known.get(row.id)
  if (row.report !== null && before !== undefined && sameBytes(before.bytes, row.report)) return before.report
  const verified = lastReport({ site: world.site.site, ...row }, world.crypto)
  const report = isRefusal(verified) ? null : verified
  if (row.report !== null) known.set(row.id, { bytes: row.report, report })
  return report
}

/** How each controller stands by its own last report; one that never reported, or whose report does not hold, is not in it. */
export function standingsAt(world: SiteWorld, rows: readonly GatewayControllerRow[]): ReadonlyMap<string, Standing> {
  return new Map(
    rows.flatMap(row => {
      const report = reportAt(world, row)
      return report === null ? [] : [[row.id, standingOf(report)] as const]
    }),
  )
}

/**
 * Keeps the envelope of a release that states something of other classes, for as long as a controller may run it. Durable on
 * return. If power fails before the commit, the same orders are agreed on again, and it is kept then.
 */
export async function keepStated(world: SiteWorld, envelope: Uint8Array, facts: ReleaseFacts): Promise<void> {
  const held = await world.store.files(STATED)
  if (facts.dependencies.length === 0) return
  const before = held.get(facts.imageDigest)
  if (before !== undefined && sameBytes(before, envelope)) return
  const running = (await world.store.controllers()).flatMap(row => {
    const report = reportAt(world, row)
    return report === null ? [] : reported(report)
  })
  // What nobody runs, has staged or could go back to is forgotten; an assigned one comes with its orders.
  const forgotten = [...held.keys()]
    .filter(path => path !== facts.imageDigest)
    .filter(imageDigest => !running.some(({ digest }) => isImage({ imageDigest }, digest)))
    .map(path => ({ repo: STATED, path }))
  const file: RepoFile = { repo: STATED, path: facts.imageDigest, bytes: envelope }
  await world.store.commit({ files: [file], forgotten })
}

/** All versions that a report names as installed. */
export const reported = ({ running, previous, staged }: Report): readonly ReportedVersion[] =>
  [running, previous, staged].filter(one => one !== undefined)

/** The facts of all releases whose envelopes are kept. */
export async function statedAt(world: SiteWorld): Promise<readonly ReleaseFacts[]> {
  const stated: ReleaseFacts[] = []
  for (const [digest, bytes] of await world.store.files(STATED)) {
    const facts = await factsOf(world, toHex(world.crypto.sha256(bytes)), async () => bytes)
    if (facts?.imageDigest === digest) stated.push(facts)
  }
  return stated
}

/**
 * The facts of an envelope by its digest, read and verified once for each set of keys; null for one that cannot be read, or
 * does not verify (any more).
 */
export async function factsOf(
  world: SiteWorld,
  sha256: string,
  read: () => Promise<Uint8Array | Refusal>,
): Promise<ReleaseFacts | null> {
  const anchors = await recognisedAt(world)
  const known = opened.get(anchors) ?? new Map<string, ReleaseFacts | null>()
  opened.set(anchors, known)
  const before = known.get(sha256)
  if (before !== undefined) return before
  const bytes = await read()
  // What cannot be read now may come again.
  if (isRefusal(bytes)) return null
  const envelope = openEnvelope(bytes, anchors, world.crypto)
  const facts = isRefusal(envelope) ? null : envelope.facts
  known.set(sha256, facts)
  return facts
}
