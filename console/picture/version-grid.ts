import { compareVersions, type Version } from '../../src/core/firmware/version.ts'
import type { ReleaseView } from '../../src/wire/fleet-views.ts'
import type { VersionsView } from '../../src/wire/inventory-views.ts'

/** A column: a version, all older ones together, or those of whom nobody knows it. */
export type Column = { readonly name: string; readonly of: 'version' | 'older' | 'unknown' }

export type Cell = {
  readonly count: number
  /** Of these, what records claim and nobody attested. */
  readonly claimed: number
  /** Of the row's controllers, 0 to 1. */
  readonly share: number
  /** `baseline`: the newest release of the class; `off`: another version; `unknown`: nobody knows. */
  readonly kind: 'baseline' | 'off' | 'unknown'
}

export type Row = {
  readonly class: string
  readonly baseline: string | null
  readonly total: number
  /** How many run another version than the baseline. */
  readonly off: number
  readonly cells: readonly Cell[]
}

export type Grid = { readonly columns: readonly Column[]; readonly rows: readonly Row[] }

/** Columns that are versions of their own; what is older shares one. */
const VERSIONS = 6

type Count = VersionsView['versions'][number]

/** How many controllers of each class run which version. The baseline is the newest release, else the newest attested. */
export function versionGrid(counts: readonly Count[], releases: readonly ReleaseView[]): Grid {
  const all = [...new Set(counts.map(({ version }) => version).filter(Boolean))].toSorted(older)
  const before = new Set(all.slice(0, -VERSIONS))
  const columns: Column[] = [
    ...(before.size > 0 ? [{ name: 'older', of: 'older' } as const] : []),
    ...all.slice(-VERSIONS).map(name => ({ name, of: 'version' }) as const),
    ...(counts.some(({ version }) => version === '') ? [{ name: 'unknown', of: 'unknown' } as const] : []),
  ]
  const rows = [...Map.groupBy(counts, one => one.class)].map(([name, mine]): Row => {
    const released = releases.filter(one => one.class === name).map(({ version }) => version)
    const attested = mine.filter(({ said }) => said === 'attested').map(({ version }) => version)
    const baseline = (released.length > 0 ? released : attested).toSorted(older).at(-1) ?? null
    const total = sum(mine)
    const cells = columns.map((column): Cell => {
      const here = mine.filter(({ version }) => columnOf(version, before) === column.name)
      const kind = column.of === 'unknown' ? 'unknown' : column.name === baseline ? 'baseline' : 'off'
      const count = sum(here)
      return { count, claimed: sum(here.filter(({ said }) => said === 'claimed')), share: count / total, kind }
    })
    const off = cells.filter(({ kind }) => kind === 'off').reduce((some, { count }) => some + count, 0)
    return { class: name, baseline, total, off, cells }
  })
  return { columns, rows: rows.toSorted((a, b) => (a.class < b.class ? -1 : 1)) }
}

const sum = (counts: readonly Count[]): number => counts.reduce((some, { controllers }) => some + controllers, 0)

function columnOf(version: string, before: ReadonlySet<string>): string {
  if (version === '') return 'unknown'
  return before.has(version) ? 'older' : version
}

const older = (a: string, b: string): number => compareVersions(a as Version, b as Version)
