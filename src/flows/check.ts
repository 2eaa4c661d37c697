import { toHex } from '../core/encoding/bytes.ts'
import { attestedBy, lastReport, storedSite } from '../core/fleet/attested.ts'
import type { Attested } from '../core/fleet/inventory.ts'
import type { InventoryRow } from '../core/fleet/inventory-row.ts'
import type { Site } from '../core/fleet/topology.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { type Event, record } from './audit.ts'
import type { ControllerRow, FleetWorld } from './ports.ts'

/**
 * Whether what the inventory says of a controller is what its last report says: verifies the report's signature, and compares.
 * Refuses what `openReport` refuses, and `inventory-row-differs`. Null: it is.
 */
export function refuseRow(
  row: ControllerRow,
  known: Pick<InventoryRow, 'attested'>,
  world: Pick<FleetWorld, 'crypto'>,
): Refusal | null {
  const report = lastReport(row, world.crypto)
  if (isRefusal(report)) return report
  const subject = `${row.site}/${row.id}`
  const said = report === null ? null : attestedBy(report, subject)
  // What is attested but is no version counts as nothing, here as where it was taken in.
  const attested = said === null || isRefusal(said) ? null : said
  const [expected, actual] = [textOf(attested), textOf(known.attested)]
  return expected === actual ? null : refuse('inventory-row-differs', subject, expected, actual)
}

/** The parts that a row keeps of a report, on one line; the same for the same parts. */
function textOf(attested: Attested | null): string {
  if (attested === null) return 'nothing attested'
  const { running, state, counter, anchors, sequence, at } = attested
  const keys = [...new Set(anchors)].sort().join(' ')
  return `${running.version} (${running.sequence}, ${running.digest}) ${state}, counter ${counter}, report ${sequence} of ${at}, keys ${keys}`
}

/** What a check came to. `next`: the site to go on behind; null after the last. */
export type Checked = {
  readonly controllers: number
  readonly next: string | null
  readonly findings: readonly Refusal[]
}

/**
 * Verifies the inventory against what it rests on, from behind a site on, until so many controllers are through: each row's
 * report and its signature, its place in the site's description, and the roll-ups over the rows; with the last site those of
 * the fleet.
 *
 * Durable on return: what was found is in the audit log (`intrusion-signal`), each row that does not hold was made anew from
 * what does, and each count from the rows. A report whose signature does not hold is taken out, so that its controller counts as one that has attested
 * nothing; the number of that report stays, so that no older one is taken.
 */
export async function checkStore(world: FleetWorld, after: string | null, budget: number): Promise<Checked> {
  const findings: Refusal[] = []
  let controllers = 0
  let at = after ?? ''
  while (controllers < budget) {
    const site = await world.store.inventory.nextSite(at)
    if (site === null) {
      const fault = await world.store.exclusive(() => checkFleet(world))
      return { controllers, next: null, findings: fault === null ? findings : [...findings, fault] }
    }
    const checked = await world.store.exclusive(() => checkSite(world, site))
    findings.push(...checked.findings)
    controllers += checked.controllers
    at = site
  }
  return { controllers, next: at, findings }
}

async function checkSite(world: FleetWorld, site: string): Promise<Omit<Checked, 'next'>> {
  const registered = await world.store.site(site)
  const description = registered === null ? null : storedSite(registered.site, `site ${site}`)
  const rows = new Map((await world.store.inventory.rowsOf(site)).map(row => [row.id, row]))
  const stored = await world.store.controllers(site)
  const findings: Refusal[] = []
  const controllers: ControllerRow[] = []
  const doubted: { site: string; id: string }[] = []
  if (isRefusal(description)) findings.push(description)
  const misplaced = new Set(await world.store.inventory.misplaced(site))
  for (const row of stored) {
    const known = rows.get(row.id)
    rows.delete(row.id)
    const place = description === null || isRefusal(description) ? null : refusePlace(row.id, description, known)
    const report =
      refuseRow(row, known ?? { attested: null }, world) ?? (misplaced.has(row.id) ? refuseKey(site, row.id) : null)
    if (report === null && place === null) continue
    doubted.push({ site, id: row.id })
    const holds = report === null || report.code === 'inventory-row-differs'
    findings.push(holds ? (report ?? place)! : withDigest(world, report, row))
    controllers.push(holds ? row : { ...row, report: null })
  }
  // What nobody registered has attested nothing, whatever its row says.
  for (const row of rows.values()) {
    if (row.attested === null && row.standing !== 'enrolled') {
      if (!misplaced.has(row.id)) continue
      findings.push(refuseKey(site, row.id))
      doubted.push({ site, id: row.id })
      continue
    }
    const actual = `${row.standing}, ${textOf(row.attested)}`
    findings.push(refuse('inventory-row-differs', `${site}/${row.id}`, 'a registered controller', actual))
    doubted.push({ site, id: row.id })
  }
  const tally = await world.store.inventory.tallyFault(site)
  if (tally !== null) findings.push(refuse('inventory-count-differs', `site ${site}`, 'counts of the rows', tally))
  if (findings.length > 0) {
    const events = findings.map(finding => signal(world, finding, { site }))
    // If power fails before this commit, nothing was said and nothing changed: the next check finds the same.
    await record(world, { controllers, doubted, ...(tally === null ? {} : { recounted: [site] }) }, events)
  }
  return { controllers: stored.length, findings }
}

/** The bytes that a version is sorted by are nobody's statement: they follow from it. */
const refuseKey = (site: string, id: string): Refusal =>
  refuse('inventory-row-differs', `${site}/${id}`, 'a row at the place of its version', 'one at another place')

/** The report goes, and its digest stays in the log: whoever has a backup finds it there. */
function withDigest({ crypto }: FleetWorld, refusal: Refusal, { report }: ControllerRow): Refusal {
  const digest = report === null ? '' : `; SHA-256 ${toHex(crypto.sha256(report))}`
  return { ...refusal, actual: `${refusal.actual}${digest}` }
}

/** Whether a row places its controller where the site's description does. */
function refusePlace(id: string, site: Site, row: InventoryRow | undefined): Refusal | null {
  const described = site.controllers.find(one => one.id === id)
  const subject = `${site.site}/${id}`
  const found = row === undefined ? 'no row' : placeText(row.standing === 'removed' ? null : row.region, row)
  const expected = described === undefined ? 'removed' : placeText(site.region, described)
  return found === expected ? null : refuse('inventory-row-differs', subject, expected, found)
}

type Placed = {
  readonly class: string
  readonly hardware: string
  readonly cabinet?: string | null
  readonly rack?: string | null
  readonly labels?: readonly string[]
}

function placeText(region: string | null, { class: of, hardware, cabinet, rack, labels }: Placed): string {
  if (region === null) return 'removed'
  const where = [region, cabinet ?? '–', rack ?? '–', [...new Set(labels ?? [])].sort().join(' ') || '–']
  return `${of} ${hardware} at ${where.join(', ')}`
}

async function checkFleet(world: FleetWorld): Promise<Refusal | null> {
  const tally = await world.store.inventory.fleetTallyFault()
  if (tally === null) return null
  const finding = refuse('inventory-count-differs', 'the fleet', 'counts of the sites', tally)
  await record(world, { recountedFleet: true }, [signal(world, finding, {})])
  return finding
}

function signal(
  world: FleetWorld,
  { code, subject, expected, actual }: Refusal,
  of: { readonly site?: string },
): Event {
  const actor = { kind: 'fleet', id: world.name } as const
  return { kind: 'intrusion-signal', actor, ...of, code, detail: { subject, expected, actual } }
}
