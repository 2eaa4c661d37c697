import { compareVersions, type Version } from '../../src/core/firmware/version.ts'
import type { ControllerView, ReleaseView } from '../../src/wire/fleet-views.ts'

/** A column: a version, all older ones together, or those who never said. */
export type Column = { readonly name: string; readonly of: 'version' | 'older' | 'unknown' }

export type Cell = {
  readonly count: number
  /** Of the row's controllers, 0 to 1. */
  readonly share: number
  /** `baseline`: the newest release of the class; `off`: another version; `unknown`: never reported. */
  readonly kind: 'baseline' | 'off' | 'unknown'
}

export type Row = {
  readonly class: string
  readonly baseline: string | null
  readonly total: number
  readonly cells: readonly Cell[]
}

export type Grid = { readonly columns: readonly Column[]; readonly rows: readonly Row[] }

/** Columns that are versions of their own; what is older shares one. */
const VERSIONS = 6

/** How many controllers of each class run which version. The baseline is the newest release, else the newest running. */
export function versionGrid(controllers: readonly ControllerView[], releases: readonly ReleaseView[]): Grid {
  const all = [...new Set(controllers.flatMap(({ version }) => version ?? []))].toSorted(older)
  const shown = all.slice(-VERSIONS)
  const before = new Set(all.slice(0, -VERSIONS))
  const columns: Column[] = [
    ...(before.size > 0 ? [{ name: 'older', of: 'older' } as const] : []),
    ...shown.map(name => ({ name, of: 'version' }) as const),
    ...(controllers.some(({ version }) => version === null) ? [{ name: 'unknown', of: 'unknown' } as const] : []),
  ]
  const classes = [...new Set(controllers.map(one => one.class))].toSorted()
  const rows = classes.map((name): Row => {
    const mine = controllers.filter(one => one.class === name)
    const released = releases.filter(one => one.class === name).map(({ version }) => version)
    const running = mine.flatMap(({ version }) => version ?? [])
    const baseline = (released.length > 0 ? released : running).toSorted(older).at(-1) ?? null
    const cells = columns.map((column): Cell => {
      const count = mine.filter(({ version }) => columnOf(version, before) === column.name).length
      const kind = column.of === 'unknown' ? 'unknown' : column.name === baseline ? 'baseline' : 'off'
      return { count, share: count / mine.length, kind }
    })
    return { class: name, baseline, total: mine.length, cells }
  })
  return { columns, rows }
}

function columnOf(version: string | null, before: ReadonlySet<string>): string {
  if (version === null) return 'unknown'
  return before.has(version) ? 'older' : version
}

const older = (a: string, b: string): number => compareVersions(a as Version, b as Version)
