import { either, Misfit, type Shape, text, then, whole } from './shape.ts'
import { type Millis, millis, type WattHours, type Watts, wattHours, watts } from './units.ts'

/**
 * Quantities as people write them (`1.25MW`, `10min`), kept as whole numbers of the smallest unit. Each shape also reads
 * the whole number itself: what was written out reads back.
 */

const POWER = { W: 1, kW: 1e3, MW: 1e6, GW: 1e9 } as const
const ENERGY = { Wh: 1, kWh: 1e3, MWh: 1e6, GWh: 1e9 } as const
const DURATION = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** The largest power and energy: what no site has. 1 TW, 1 TWh. */
const MOST = 1e12

/** Whole watts, from `min` to 1 TW; also `1.25MW`, `250kW`. */
export const powerShape = (min = 0): Shape<Watts> =>
  quantity(POWER, 'a power such as 1.25MW or 250kW', min, MOST, watts)

/** Whole watt-hours, from `min` to 1 TWh; also `2.5MWh`. */
export const energyShape = (min = 0): Shape<WattHours> =>
  quantity(ENERGY, 'an energy such as 2.5MWh or 400kWh', min, MOST, wattHours)

/** Milliseconds, from `min` to `max`; also `90s`, `10min`, `2h`, `1d`. */
export const durationShape = (min: number, max: number): Shape<Millis> =>
  quantity(DURATION, 'a time such as 90s, 10min or 2h', min, max, millis)

function quantity<T extends number>(
  units: Readonly<Record<string, number>>,
  what: string,
  min: number,
  max: number,
  brand: (value: number) => T,
): Shape<T> {
  const written = text(
    what,
    new RegExp(`^(?:0|[1-9][0-9]{0,11})(?:\\.[0-9]{1,9})? ?(?:${Object.keys(units).join('|')})$`),
  )
  const read = then(written, (value, at) => {
    const number = /^[0-9.]+/.exec(value)![0]
    const whole = exact(number, units[value.slice(number.length).trim()]!)
    return whole === null || whole < min || whole > max ? new Misfit(at, `${what}, ${bounds(min, max)}`, value) : whole
  })
  return then(either(whole(min, max), read), brand)
}

const bounds = (min: number, max: number): string => `whole in its smallest unit, from ${min} to ${max}`

/** A decimal number times a whole factor, when the product is whole; null when it is not. No rounding on the way. */
function exact(number: string, factor: number): number | null {
  const [integer, fraction = ''] = number.split('.') as [string, string?]
  const scaled = BigInt(integer + fraction) * BigInt(factor)
  const divisor = 10n ** BigInt(fraction.length)
  const product = scaled / divisor
  return scaled % divisor === 0n && product <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(product) : null
}

/** `1.25 MW`: in the largest unit of which there is at least one, with at most two decimals, rounded away from zero. */
export const showPower = (value: number): string => show(value, POWER)
export const showEnergy = (value: number): string => show(value, ENERGY)

function show(value: number, units: Readonly<Record<string, number>>): string {
  const [unit, factor] =
    Object.entries(units).findLast(([, size]) => Math.abs(value) >= size) ?? Object.entries(units)[0]!
  const hundredths = Math.ceil((Math.abs(value) / factor) * 100 - 1e-9) / 100
  return `${value < 0 ? '-' : ''}${hundredths} ${unit}`
}

/** `4 s`, `2 h 5 min`, `3 d`: a duration in its two largest units, cut off below. */
export function showDuration(value: number): string {
  const units = [
    ['d', DURATION.d],
    ['h', DURATION.h],
    ['min', DURATION.min],
    ['s', DURATION.s],
  ] as const
  const first = units.findIndex(([, size]) => Math.abs(value) >= size)
  if (first < 0) return '0 s'
  let rest = Math.abs(value)
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return count === 0 ? '' : `${count} ${unit}`
  })
  return parts.filter(part => part !== '').join(' ')
}
