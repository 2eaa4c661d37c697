import { type Instant, instant, wattHours, watts } from '../../src/core/encoding/units.ts'
import { seeded, seedOf } from '../clock/random.ts'
import { type Commitment, type Happenings, type Session, SLOT } from './happenings.ts'
import type { Span } from './quantities.ts'
import type { PlantSpec } from './unit.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** How a site lives: what its wind farm can give, what of its storage it sells, and how often things go wrong. */
export type Life = {
  readonly wind: number
  /** Watts of one commitment; 0: the site sells nothing. */
  readonly sells: number
  /** A year's count. */
  readonly outages: number
  readonly gridEvents: number
  readonly alarms: number
  readonly linkLosses: number
  /** A day's count for each charger. */
  readonly sessions: number
  /** Hours that the programmes of the site's market are shifted by, so that sites of one fleet differ. */
  readonly shift: number
}

/**
 * A seeded life of a plant for so many days. Commitments are two a day, morning and evening, of two hours each; wind blows
 * in fronts of some days with gusts; everything else comes by chance.
 */
export function lifeOf(spec: PlantSpec, life: Life, seed: number, from: Instant, days: number): Happenings {
  const stream = (name: string) => seeded(seedOf(`${spec.site}/${name}/${seed}`))
  const spans = (name: string, perYear: number, shortest: number, longest: number): Span[] => {
    const random = stream(name)
    return Array.from({ length: Math.round((perYear * days) / 365 + random() * 0.5) }, () => {
      const begins = from + random() * days * DAY
      return {
        from: instant(Math.floor(begins)),
        to: instant(Math.floor(begins + shortest + random() * (longest - shortest))),
      }
    })
  }
  const alarmed = stream('alarmed')
  const ups = spec.units.map(({ id }) => id)
  return {
    generation: slot => watts(life.wind * windAt(`${spec.site}/${seed}`, slot)),
    commitments: life.sells === 0 ? [] : commitmentsOf(life, from, days),
    sessions: sessionsOf(spec, life, stream('sessions'), from, days),
    outages: spans('outages', life.outages, 60_000, HOUR / 2),
    gridEvents: spans('grid-events', life.gridEvents, HOUR / 4, 2 * HOUR),
    alarms: spans('alarms', life.alarms, HOUR / 6, 6 * HOUR).map(span => {
      const unit = ups[Math.floor(alarmed() * ups.length)] ?? null
      return { ...span, unit, name: 'over-temperature' }
    }),
    linkLosses: spans('link', life.linkLosses, HOUR / 12, 3 * DAY),
    ambient: at => 15 + 8 * Math.sin(((at % DAY) / DAY) * 2 * Math.PI - Math.PI / 2),
  }
}

function commitmentsOf({ sells, shift }: Life, from: Instant, days: number): Commitment[] {
  const first = Math.floor(from / DAY) * DAY
  return Array.from({ length: days + 1 }, (_, day) => day).flatMap(day =>
    [6, 17].map(hour => {
      const begins = first + day * DAY + ((((hour + shift) % 24) + 24) % 24) * HOUR
      const id = `day ${day}, ${hour}:00`
      return { id, from: instant(begins), to: instant(begins + 2 * HOUR), power: watts(sells), penalty: 300 }
    }),
  )
}

function sessionsOf(
  { units }: PlantSpec,
  { sessions }: Life,
  random: () => number,
  from: Instant,
  days: number,
): Session[] {
  return units
    .filter(({ kind }) => kind === 'charger')
    .flatMap(({ id, power }) => {
      const all: Session[] = []
      let at = from as number
      while (sessions > 0 && at < from + days * DAY) {
        at += (DAY / sessions) * (0.3 + random())
        const stays = HOUR * (0.5 + 2 * random())
        const wants = wattHours(power * (0.3 + 0.6 * random()) * (stays / HOUR))
        all.push({ charger: id, from: instant(Math.floor(at)), to: instant(Math.floor(at + stays)), wants })
        at += stays
      }
      return all
    })
}

/** The share of its wind that a farm has in a quarter of an hour, 0 to 1: fronts of two days, and gusts in them. */
function windAt(name: string, slot: number): number {
  const quarter = (DAY / SLOT) * 2
  const front = Math.floor(slot / quarter)
  const [here, next] = [chance(`${name}/front/${front}`), chance(`${name}/front/${front + 1}`)]
  const along = (slot % quarter) / quarter
  const calm = here + (next - here) * along
  return Math.min(1, Math.max(0, calm * (0.7 + 0.6 * chance(`${name}/gust/${slot}`))))
}

const chance = (name: string): number => seeded(seedOf(name))()
