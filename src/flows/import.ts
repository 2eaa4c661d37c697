import { storedSite } from '../core/fleet/attested.ts'
import { type ImportHeader, readImportHeader, readImportLine } from '../core/fleet/import-line.ts'
import type { ImportedRow } from '../core/fleet/inventory-row.ts'
import { findController, type Site } from '../core/fleet/topology.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { record } from './audit.ts'
import type { ImportRow } from './inventory-ports.ts'
import { type By, nameOf, person } from './persons.ts'
import type { FleetWorld } from './ports.ts'

/**
 * Takes a list of controllers in, as somebody's records claim them: begun, staged line by line, and ended by one decision. Until
 * then nothing of it is in the inventory; behind it all of it comes in, over any loss of power.
 */

/** A line of a list as its reader found it. */
export type Line = { readonly line: number; readonly fields: readonly string[] }

/**
 * Begins an import; one that was open is given up. Durable on return. Refuses `import-header-malformed`, and
 * `import-unfinished` while the lines of one that was decided on are still on their way in.
 */
export function beginImport(
  world: FleetWorld,
  by: By,
  name: string,
  columns: readonly string[],
): Promise<{ readonly import: number } | Refusal> {
  return world.store.exclusive(async () => {
    const header = readImportHeader(columns)
    if (isRefusal(header)) return header
    const standing = await world.store.imports.current()
    if (standing?.decided === true) {
      return refuse('import-unfinished', `import ${standing.id}`, 'no import on its way in', `that of ${standing.name}`)
    }
    // Numbers only tell one import from another: the clock does, and where it stands still or goes back, the one before.
    const id = Math.max(world.clock.now(), (standing?.id ?? 0) + 1)
    await world.store.imports.begin({ id, name, person: nameOf(by), header, decided: false })
    return { import: id }
  })
}

/** How a batch of lines fared: how many are staged, and what is wrong with the others. */
export type Staged = {
  readonly staged: number
  readonly faults: readonly { readonly line: number; readonly why: Refusal }[]
}

/**
 * Stages lines. Durable on return. Refuses `import-unknown`. A line's own fault is told by its number: `import-line-malformed`,
 * `import-line-repeated` (the controller stands on another line), `import-line-contradicts` (another region than the site's
 * other lines, or another class or hardware than its site was enrolled with, or a controller that its site does not have).
 */
export function stageLines(world: FleetWorld, id: number, lines: readonly Line[]): Promise<Staged | Refusal> {
  return world.store.exclusive(async () => {
    const standing = await openImport(world, id)
    if (isRefusal(standing)) return standing
    const faults: { line: number; why: Refusal }[] = []
    const rows: { line: number; row: ImportedRow }[] = []
    const judge = new Judge(world)
    for (const { line, fields } of lines) {
      const row = readImportLine(standing.header as ImportHeader, fields, line, world.clock.now())
      const why = isRefusal(row) ? row : await judge.contradiction(row, line)
      if (why !== null) faults.push({ line, why })
      else rows.push({ line, row: row as ImportedRow })
    }
    for (const { line, first } of await world.store.imports.stage(rows)) {
      const { site, id: controller } = rows.find(one => one.line === line)!.row
      const actual = `${site}/${controller} on line ${first} already`
      faults.push({ line, why: refuse('import-line-repeated', `line ${line}`, 'each controller once', actual) })
    }
    await world.store.imports.noteFaults(faults.map(({ line }) => line))
    return { staged: lines.length - faults.length, faults: faults.sort((a, b) => a.line - b.line) }
  })
}

/** What lines are held against: the sites that are registered, and what was staged or imported of the others. */
class Judge {
  readonly #world: FleetWorld
  readonly #sites = new Map<string, { readonly described: Site | null; region: string | null }>()

  constructor(world: FleetWorld) {
    this.#world = world
  }

  async contradiction({ site, id, region, class: of, hardware }: ImportedRow, line: number): Promise<Refusal | null> {
    const known = await this.#site(site)
    const bad = (expected: string, actual: string): Refusal =>
      refuse('import-line-contradicts', `line ${line}`, expected, actual)
    if (known.region !== null && known.region !== region) {
      return bad(`region ${known.region}, as of the site ${site} elsewhere`, `region ${region}`)
    }
    known.region ??= region
    if (known.described === null) return null
    const described = findController(known.described, id)
    if (described === null) return bad(`a controller that the enrolled site ${site} has`, id)
    if (described.class === of && described.hardware === hardware) return null
    return bad(`${described.class} ${described.hardware}, as ${site}/${id} was enrolled`, `${of} ${hardware}`)
  }

  async #site(id: string) {
    const known = this.#sites.get(id)
    if (known !== undefined) return known
    const row = await this.#world.store.site(id)
    const parsed = row === null ? null : storedSite(row.site, `site ${id}`)
    const described = parsed === null || isRefusal(parsed) ? null : parsed
    const region = described?.region ?? (await this.#world.store.imports.regionOf(id))
    const site = { described, region }
    this.#sites.set(id, site)
    return site
  }
}

/** What comes of an import: all of it, the lines that are good, or nothing. */
export type Ending = 'all' | 'good' | 'nothing'

/** Lines that come into the inventory together: a transaction of a few tens of milliseconds. */
const APPLIED = 2000

/**
 * Decides how an import ends. `bad`: how many lines its reader found fault with; what `stageLines` found counts whatever is
 * said. Answers how many controllers are taken in. Refuses `import-unknown`, `import-lines-bad` (all were to be taken, and
 * some are bad): what was staged is gone then.
 *
 * The decision is durable on return, with its audit entry, or with the answer of the request that it is a part of. Only behind
 * that may `bringIn` follow: a line that is in before it would be there without anybody having decided on it.
 */
export function decideImport(
  world: FleetWorld,
  by: By,
  id: number,
  ending: Ending,
  bad: number,
): Promise<{ readonly taken: number } | Refusal> {
  return world.store.exclusive(async () => {
    const standing = await openImport(world, id)
    if (isRefusal(standing)) return standing
    const found = Math.max(bad, await world.store.imports.faults())
    if (ending === 'nothing' || (ending === 'all' && found > 0)) {
      await world.store.imports.drop()
      const actual = `${found} bad ones`
      return ending === 'nothing' ? { taken: 0 } : refuse('import-lines-bad', standing.name, 'good lines', actual)
    }
    const taken = await world.store.imports.staged()
    const actor = person(by)
    const detail = { name: standing.name, controllers: taken, bad: found }
    // If power fails before this commit, the import is open, and is given up. If it fails after it, the next start goes on.
    await record(world, { importDecided: id }, [{ kind: 'inventory-imported', actor, detail }])
    return { taken }
  })
}

/**
 * Brings in what was decided on: durable on return, all of it. Nothing to do where no import is, or one that is open. Called
 * twice at once, both bring in a part.
 */
export async function bringIn(world: FleetWorld): Promise<void> {
  // A transaction at a time: others are answered in between. If power fails, those that came in are no longer staged, and the
  // next start goes on.
  for (let left = 1; left > 0; ) left = await world.store.exclusive(() => world.store.imports.apply(APPLIED))
}

/** Ends an import, and brings in what was decided on (`decideImport`, `bringIn`). */
export async function endImport(
  world: FleetWorld,
  by: By,
  id: number,
  ending: Ending,
  bad: number,
): Promise<{ readonly taken: number } | Refusal> {
  const decided = await decideImport(world, by, id, ending, bad)
  if (!isRefusal(decided)) await bringIn(world)
  return decided
}

/** Brings in what was decided on and is not in yet, and gives up what nobody decided on: at the start of a server. */
export async function resumeImport(world: FleetWorld): Promise<void> {
  const standing = await world.store.imports.current()
  if (standing === null) return
  if (standing.decided) await bringIn(world)
  else await world.store.imports.drop()
}

async function openImport(world: FleetWorld, id: number): Promise<ImportRow | Refusal> {
  const standing = await world.store.imports.current()
  if (standing !== null && standing.id === id && !standing.decided) return standing
  return refuse('import-unknown', `import ${id}`, 'an open import', standing === null ? 'none' : 'another one')
}
