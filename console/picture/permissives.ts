import type { PlantSeen } from '../../src/wire/plant-api.ts'
import type { SiteView } from '../../src/wire/site-views.ts'
import type { MarkKind } from './mark-kind.ts'

/** A permissive as the strip shows it. */
export type PermissiveRow = {
  readonly key: string
  /** `state of charge`. */
  readonly name: string
  readonly by: string
  readonly threshold: string
  readonly kind: MarkKind
  /** `permits`, `holds back`, `not known`. */
  readonly word: string
  /** The value, of the worst place; null: there is none. */
  readonly value: string | null
  /** How old the value is by now, in milliseconds. */
  readonly age: number | null
  readonly maxAge: number
  /** Whose value it is, where that is not the site's. */
  readonly of: string | null
  /** Of how many places: `3 of 40 hold back`. */
  readonly places: string | null
  readonly because: string | null
  readonly classes: readonly string[] | null
}

/** What was heard longer ago than this, in milliseconds, says nothing of now: it is shown with its age, and as not known. */
const OLD = 120_000

export const nameOf = (point: string): string => point.replaceAll('-', ' ')

/**
 * The permissives of a site, each with its value, threshold and age, the worst first. Before its gateway has shown them, the site's
 * own rules stand there without a value: not known.
 */
export function permissivesOf(site: SiteView, seen: PlantSeen | null, now: number): readonly PermissiveRow[] {
  if (seen === null || seen.plant === null || seen.heardAt === null) {
    return site.limits.permissives.map((one, index) => ({
      key: `${index}`,
      name: nameOf(one.point),
      by: 'limits of the site',
      threshold: one.threshold,
      kind: 'unknown',
      word: 'not known',
      value: null,
      age: null,
      maxAge: one.maxAgeMillis,
      of: null,
      places: null,
      because: null,
      classes: one.classes,
    }))
  }
  const since = Math.max(0, now - seen.heardAt)
  const rows = seen.plant.permissives.map((one, index): PermissiveRow => {
    const [worst] = one.worst
    const total = one.permits + one.refuses + one.unknown
    const stands = since > OLD || worst === undefined ? 'unknown' : worst.stands
    return {
      key: `${index}`,
      name: nameOf(one.point),
      by: one.by,
      threshold: one.threshold,
      ...SHOWN[stands],
      value: worst?.value ?? null,
      age: worst?.ageMillis == null ? null : Math.max(0, worst.ageMillis + since),
      maxAge: one.maxAgeMillis,
      of: worst?.of ?? null,
      places: total > 1 ? placesText(one, total) : null,
      because: worst?.because ?? null,
      classes: one.classes,
    }
  })
  return rows.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
}

const ORDER: readonly MarkKind[] = ['attention', 'unknown', 'good']
const SHOWN = {
  permits: { kind: 'good', word: 'permits' },
  refuses: { kind: 'attention', word: 'holds back' },
  unknown: { kind: 'unknown', word: 'not known' },
} as const

function placesText(
  { refuses, unknown }: { readonly refuses: number; readonly unknown: number },
  total: number,
): string {
  const parts = [...(refuses === 0 ? [] : [`${refuses} hold back`]), ...(unknown === 0 ? [] : [`${unknown} not known`])]
  return parts.length === 0 ? `all ${total} permit` : `${parts.join(', ')}, of ${total}`
}
