import { type Instant, type WattHours, wattHours } from '../../src/core/encoding/units.ts'

declare const unit: unique symbol
type Unit<Name extends string> = number & { readonly [unit]: Name }

/** The share of a store's energy that is in it, 0 to 1. */
export type StateOfCharge = Unit<'StateOfCharge'>

/** A state of charge. Throws for what no store can have: a model that comes to it is wrong. */
export function stateOfCharge(value: number): StateOfCharge {
  if (!(value >= 0 && value <= 1)) throw new Error(`a state of charge of ${value}`)
  return value as StateOfCharge
}

const HOUR = 3_600_000

/** The energy that a power comes to in a time. */
export const energyOf = (power: number, duration: number): WattHours => wattHours((power * duration) / HOUR)
/** How long an energy lasts at a power, in milliseconds; for ever at none. */
export const lastingOf = (energy: number, power: number): number =>
  power <= 0 ? Number.POSITIVE_INFINITY : (energy / power) * HOUR

/** A time from `from` on, up to and without `to`. */
export type Span = { readonly from: Instant; readonly to: Instant }
