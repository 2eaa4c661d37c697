import { showDuration, showPower } from '../../encoding/quantity.ts'
import { between, type Instant, type Millis, millis } from '../../encoding/units.ts'
import { type Point, type PointEntry, pointOf } from '../../fleet/points.ts'
import type { Permissive } from '../../fleet/site-rules.ts'
import { ageText, type No, no } from './wait.ts'

/**
 * A live value of the plant, in its point's unit. `of`: the feeder or the controller whose value it is; null for the
 * site's. `at`: when the plant measured it, by the plant's clock.
 */
export type Reading = {
  readonly point: Point
  readonly of: string | null
  readonly value: number | boolean
  readonly at: Instant
}

/**
 * Readings by point and place; of several of one place the latest. `disputed`: there are two of that time, and they differ:
 * which of them is true, nobody knows.
 */
export type Readings = ReadonlyMap<string, Reading & { readonly disputed: boolean }>

const key = (point: Point, of: string | null): string => `${point} ${of ?? ''}`

export function readingsOf(list: Iterable<Reading>): Readings {
  const out = new Map<string, Reading & { disputed: boolean }>()
  for (const reading of list) {
    const name = key(reading.point, reading.of)
    const before = out.get(name)
    if (before !== undefined && before.at > reading.at) continue
    const disputed = before?.at === reading.at && (before.disputed || before.value !== reading.value)
    out.set(name, { ...reading, disputed })
  }
  return out
}

/** Whether the plant last said, however long ago, that a controller is out of service. Where it says both, it is. */
export function isOutOfService(readings: Readings, controller: string): boolean {
  const last = readings.get(key('in-service', controller))
  return last !== undefined && (last.value === false || last.disputed)
}

/** Clocks differ: a reading may be dated so much ahead of ours and counts as read now. */
export const AHEAD = millis(5000)

/** A reading that can be relied on, with its age; else why there is none. */
export type Known =
  | { readonly value: number | boolean; readonly age: Millis }
  | { readonly unknown: string; readonly age: Millis | null }

/** What is known of a point at a place: missing, old, ahead of our time and impossible readings are not known. */
export function knownAt(readings: Readings, point: Point, of: string | null, maxAge: Millis, now: Instant): Known {
  const reading = readings.get(key(point, of))
  if (reading === undefined) return { unknown: 'there is no reading of it', age: null }
  const age = between(reading.at, now)
  if (age < -AHEAD) return { unknown: `its reading is dated ${showDuration(-age)} ahead of the gateway's clock`, age }
  if (age > maxAge) return { unknown: `its last reading is ${ageText(age)}, and may be ${showDuration(maxAge)}`, age }
  if (reading.disputed) return { unknown: 'two readings of it of the same time differ', age }
  if (!canBe(pointOf(point), reading.value)) return { unknown: 'its reading is one that cannot be', age }
  return { value: reading.value, age: millis(Math.max(0, age)) }
}

function canBe(entry: PointEntry, value: number | boolean): boolean {
  if (entry.unit === null) return typeof value === 'boolean'
  return typeof value === 'number' && value >= entry.min && value <= entry.max
}

/** Judges one permissive for a place of its point's scope; null: it permits. What is not known does not permit. */
export function judge(permissive: Permissive, of: string | null, readings: Readings, now: Instant): No | null {
  const { point, min, max, is, maxAgeMillis } = permissive
  const entry = pointOf(point)
  const threshold = wanted(permissive, entry)
  const known = knownAt(readings, point, of, maxAgeMillis, now)
  if ('unknown' in known) {
    const words = entry.unit === null ? `whether ${entry.says} is not known` : `${entry.says} not known`
    return no('permissive', about(point, of), `${words}: ${known.unknown}`, { threshold, ageMillis: known.age })
  }
  const { value, age } = known
  if (typeof value === 'boolean' ? value === is : value >= (min ?? value) && value <= (max ?? value)) return null
  const shown = showValue(entry, value)
  const said = entry.unit === null ? `${shown}, and must not be so` : `${entry.says} ${shown}, ${threshold} needed`
  return no('permissive', about(point, of), `${said}; read ${showDuration(age)} ago`, {
    value: shown,
    threshold,
    ageMillis: age,
  })
}

const about = (point: Point, of: string | null): string => (of === null ? point : `${point} of ${of}`)

/** `at least 30 %`, `from 10 kW to 20 kW`, `the site is on the grid`. */
export function wanted({ min, max, is }: Permissive, entry: PointEntry): string {
  if (entry.unit === null) return is === true ? entry.says : entry.not
  if (max === undefined) return `at least ${showValue(entry, min!)}`
  return min === undefined
    ? `at most ${showValue(entry, max)}`
    : `from ${showValue(entry, min)} to ${showValue(entry, max)}`
}

/** A value of a point as people read it: `18 %`, `1.25 MW`, `the site is islanded`. */
export function showValue(entry: PointEntry, value: number | boolean): string {
  if (entry.unit === null) return value === true ? entry.says : entry.not
  if (entry.unit === 'W') return showPower(Number(value))
  if (entry.unit === 's') return showDuration(Number(value) * 1000)
  return entry.unit === '' ? String(value) : `${value} ${entry.unit}`
}
