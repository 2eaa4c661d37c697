import { dictionary, type Shape, text, whole } from '../encoding/shape.ts'

/**
 * Figures that a controller tells of itself in its signed report: counts that only rise, by name (`restarts`, `alarms`,
 * `probe-failures`). One that falls has begun again at zero. What they count is the maker's matter: the fleet compares how
 * fast they rise in controllers that were updated and in those that were not (core/campaign/gate.ts).
 */
export type Figures = Readonly<Record<string, number>>

/** Figures in one report at most. */
export const MAX_FIGURES = 16

export const figureName: Shape<string> = text('a figure of 1 to 32 of a-z 0-9 -', /^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/)

export const figuresShape: Shape<Figures> = dictionary(figureName, whole(0, Number.MAX_SAFE_INTEGER), MAX_FIGURES)
