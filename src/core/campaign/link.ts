import type { Instant, Millis } from '../encoding/units.ts'
import { millis } from '../encoding/units.ts'
import { type No, no } from './rules/wait.ts'

/** What is done about full images: fetched, fetched when a person said yes to this one, or never. */
export type FullImages = 'allow' | 'ask' | 'never'

/**
 * A site's link to the fleet, as its people describe it: `bitsPerSecond` while it may send, `dutyCycle` the share of the time in which it may
 * (above 0, to 1), `monthlyBytes` what a month of the site's calendar may bring before full images need a person.
 */
export type LinkPolicy = {
  readonly bitsPerSecond?: number
  readonly dutyCycle?: number
  readonly monthlyBytes?: number
  readonly fullImages: FullImages
}

/** What a gateway's link to the fleet may bring, and what it brought. */
export type SiteLink = {
  readonly policy: LinkPolicy
  /** Bytes from the fleet in this month of the site's calendar. */
  readonly spent: number
  /** Full images that a person at the site said yes to, by the SHA-256 of the payload, and when. */
  allowed(): ReadonlyMap<string, Instant>
  /** Keeps a person's yes: theirs by a pseudonym. Durable on return. */
  allow(image: { readonly sha256: string; readonly by: string }): void
}

/** A link of which nobody said anything: everything may come over it. */
export const OPEN_LINK: LinkPolicy = { fullImages: 'allow' }

/** What a full image meets: the policy, and whether it fits what is left of the month. */
const JUDGED = {
  allow: { fits: 'fetch', over: 'ask' },
  ask: { fits: 'ask', over: 'ask' },
  never: { fits: 'wait', over: 'wait' },
} as const satisfies Readonly<Record<FullImages, Readonly<Record<'fits' | 'over', 'fetch' | 'ask' | 'wait'>>>>

/** A full image that would be fetched: bytes that are still to come of it, what this month brought, and whether a person said yes to it. */
export type WantedImage = { readonly left: number; readonly spent: number; readonly isAllowed: boolean }

/** Why a full image is not fetched over this link; null: it is. Judged before a byte of it is asked for. */
export function refuseFull(
  policy: LinkPolicy,
  { left, spent, isAllowed }: WantedImage,
  now: Instant,
  zone: string,
): No | null {
  const budget = policy.monthlyBytes
  const isOver = budget !== undefined && spent + left > budget
  const judged = JUDGED[policy.fullImages][isOver ? 'over' : 'fits']
  if (judged === 'fetch' || (judged === 'ask' && isAllowed)) return null
  const image = `the full image, ${showBytes(left)},`
  if (judged === 'wait') {
    return no(
      'link',
      'never',
      `${image} never comes over this link: it waits for a patch, or for somebody who changes that`,
      {
        value: showBytes(left),
      },
    )
  }
  if (policy.fullImages === 'ask') {
    return no('link', 'ask', `${image} comes when somebody says yes to it (voltseal gateway allow-full)`, {
      value: showBytes(left),
    })
  }
  const because = `${image} is more than is left of this month, and comes when somebody says yes to it (voltseal gateway allow-full)`
  return no('link', 'budget', because, {
    value: `${showBytes(spent)} this month`,
    threshold: `${showBytes(budget ?? 0)} a month`,
    nextPossible: spent > 0 && left <= (budget ?? 0) ? nextMonth(now, zone) : null,
  })
}

/** What a reason of the link is about when a person's yes at the site ends it. */
const ENDED_BY_YES: ReadonlySet<string> = new Set(['ask', 'budget'])

/** Whether a controller waits for somebody at its site to say yes to its full image. */
export const waitsForYes = ({ rule, about }: { readonly rule: string; readonly about: string }): boolean =>
  rule === 'link' && ENDED_BY_YES.has(about)

/** How long so many bytes take over a link: its rate in the share of the time in which it may send. Null: nobody said how fast it is. */
export function timeOver({ bitsPerSecond, dutyCycle = 1 }: LinkPolicy, bytes: number): Millis | null {
  return bitsPerSecond === undefined ? null : millis(Math.ceil((bytes * 8 * 1000) / (bitsPerSecond * dutyCycle)))
}

/** The month of the site's calendar, `2026-11`. */
export const monthOf = (at: Instant, zone: string): string =>
  civil(at, zone).toPlainDate().toPlainYearMonth().toString()

/** When the next month of the site's calendar begins. */
export function nextMonth(at: Instant, zone: string): Instant {
  const first = civil(at, zone).toPlainDate().with({ day: 1 }).add({ months: 1 })
  return first.toZonedDateTime(zone).epochMilliseconds as Instant
}

const civil = (at: Instant, zone: string): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(zone)

/** `2.6 KiB`: bytes for people, rounded up. */
export function showBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB']
  let [value, unit] = [bytes, 0]
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024
  return `${unit === 0 ? value : Math.ceil(value * 10) / 10} ${units[unit]}`
}
