import { type Instant, instant } from './units.ts'

const UTC = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})Z$/
const DAY = 86_400

/** The instant of `YYYY-MM-DDTHH:MM:SSZ` (TUF 1.0.34 §4.2.1), years 1970 to 9999; null for anything else. */
export function parseUtc(text: string): Instant | null {
  const parts = UTC.exec(text)
  if (parts === null) return null
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [number, ...number[]]
  const seconds = daysBefore(year, month!, day!) * DAY + hour! * 3600 + minute! * 60 + second!
  const read = instant(seconds * 1000)
  // A date or time that does not exist (30 February, 24:00) would be written differently.
  return year >= 1970 && formatUtc(read) === text ? read : null
}

/** An instant as `YYYY-MM-DDTHH:MM:SSZ`; fractions of a second are cut off. */
export function formatUtc(at: Instant): string {
  const seconds = Math.floor(at / 1000)
  const { year, month, day } = civil(Math.floor(seconds / DAY))
  const rest = ((seconds % DAY) + DAY) % DAY
  const time = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map(two).join(':')
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${time}Z`
}

const two = (value: number): string => String(value).padStart(2, '0')

// The Gregorian calendar counted in years that begin in March, so that a leap day is the last of its year.

/** Days from 1970-01-01 to a civil date. */
function daysBefore(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return 365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468
}

/** The civil date of a number of days since 1970-01-01. */
function civil(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day }
}
