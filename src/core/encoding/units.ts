/** Units in types: a number of one unit cannot be passed where another is meant. */

declare const unit: unique symbol
type Unit<Name extends string> = number & { readonly [unit]: Name }

/** Milliseconds: a duration. */
export type Millis = Unit<'Millis'>
/** Milliseconds since 1970-01-01T00:00:00Z: an instant. One `now` per decision, passed in. */
export type Instant = Unit<'Instant'>
/** A count of bytes. */
export type Bytes = Unit<'Bytes'>
/** Power in whole watts. */
export type Watts = Unit<'Watts'>
/** Energy in whole watt-hours. */
export type WattHours = Unit<'WattHours'>

export const millis = (value: number): Millis => value as Millis
export const instant = (value: number): Instant => value as Instant
export const bytes = (value: number): Bytes => value as Bytes
export const watts = (value: number): Watts => value as Watts
export const wattHours = (value: number): WattHours => value as WattHours

export const after = (start: Instant, duration: Millis): Instant => (start + duration) as Instant
export const between = (start: Instant, end: Instant): Millis => (end - start) as Millis
