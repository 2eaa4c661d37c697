import { type Standing, standingOf } from '../core/campaign/outcome.ts'
import { isImage } from '../core/campaign/path-shelf.ts'
import { sameBytes, toHex } from '../core/encoding/bytes.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { openEnvelope } from '../core/firmware/suit-open.ts'
import { lastReport } from '../core/fleet/attested.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { ENVELOPE_NAME, imageOf, readImageTarget } from '../core/trust/image-target.ts'
import type { Target } from '../core/trust/metadata.ts'
import type { Report, ReportedVersion } from '../core/trust/report.ts'
import { TARGET_PATH } from '../core/trust/target-path.ts'
import { fetchSmall } from './fetch.ts'
import type { GatewayControllerRow, SiteWorld } from './ports.ts'
import { recognisedAt } from './recognise.ts'

/**
 * What the releases at a site state of each other's versions, by the envelopes of those that were assigned here, and of those
 * that ran already and are published.
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
  if (facts.dependencies.length === 0) return
  const before = (await world.store.files(STATED)).get(facts.imageDigest)
  if (before !== undefined && sameBytes(before, envelope)) return
  await world.store.commit({ files: [{ repo: STATED, path: facts.imageDigest, bytes: envelope }] })
}

/**
 * Forgets the envelopes of what nobody runs, has staged or could go back to, and what is not assigned either (`assigned`: image
 * digests): what is to run states something before anybody has reported it. Durable on return; if power fails before, they
 * are forgotten with the next orders.
 */
export async function forgetStated(world: SiteWorld, assigned: ReadonlySet<string>): Promise<void> {
  const running = (await world.store.controllers()).flatMap(row => {
    const report = reportAt(world, row)
    return report === null ? [] : reported(report)
  })
  const forgotten = [...(await world.store.files(STATED)).keys()]
    .filter(path => !assigned.has(path))
    .filter(imageDigest => !running.some(({ digest }) => isImage({ imageDigest }, digest)))
    .map(path => ({ repo: STATED, path }))
  if (forgotten.length > 0) await world.store.commit({ forgotten })
}

/**
 * Keeps what the site's controllers run already, as far as it is published: it was planned beside that, and a controller that
 * comes later has no plan's order, only what its neighbours state. `look` finds a target of the image repository. What is not
 * published, or is signed by keys that the gateway does not take, states nothing, here as where plans are made. Durable on
 * return. Refuses what the link refuses.
 */
export async function keepNeighbours(
  world: SiteWorld,
  look: (path: string) => Promise<Target | null | Refusal>,
): Promise<null | Refusal> {
  const classes = new Map(world.site.controllers.map(one => [one.id, one.class]))
  const installed = new Map<string, ReportedVersion>()
  for (const row of await world.store.controllers()) {
    const report = reportAt(world, row)
    for (const one of report === null ? [] : reported(report)) {
      const path = `${classes.get(row.id)}/${one.version}${ENVELOPE_NAME}`
      if (TARGET_PATH.test(path)) installed.set(`${path} ${one.digest}`, one)
    }
  }
  for (const [name, { digest }] of installed) {
    const target = await look(name.slice(0, name.indexOf(' ')))
    if (isRefusal(target)) return target
    const release = target === null ? null : readImageTarget(target)
    if (target === null || release === null || isRefusal(release)) continue
    if (!isImage({ imageDigest: imageOf(release) }, digest)) continue
    const bytes = await fetchSmall(world, target)
    if (isRefusal(bytes)) return bytes
    const envelope = openEnvelope(bytes, await recognisedAt(world), world.crypto)
    if (!isRefusal(envelope)) await keepStated(world, bytes, envelope.facts)
  }
  return null
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
