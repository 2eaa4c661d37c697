/** A moment as the clock on the site's wall shows it, and in UTC. */
export type When = { readonly site: string; readonly utc: string }

const FORM = {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
} as const

const forms = new Map<string, Intl.DateTimeFormat>()

/** Null for a zone that this browser does not know. */
function formOf(zone: string): Intl.DateTimeFormat | null {
  const known = forms.get(zone)
  if (known !== undefined) return known
  try {
    const form = new Intl.DateTimeFormat('en-GB', { ...FORM, timeZone: zone })
    forms.set(zone, form)
    return form
  } catch {
    return null
  }
}

/** `Tue, 24 Nov 2026, 23:00` in the site's zone, with the zone's name, and `22:00 UTC`. */
export function whenOf(at: number, zone: string): When {
  const utc = `${(formOf('UTC') as Intl.DateTimeFormat).format(at)} UTC`
  const form = formOf(zone)
  return form === null ? { site: utc, utc } : { site: `${form.format(at)} ${zone}`, utc }
}

/** Both in one line, the day once where it is the same in both. */
export function whenText(at: number, zone: string): string {
  const { site, utc } = whenOf(at, zone)
  if (site === utc || zone === 'UTC') return utc
  const day = utc.slice(0, utc.lastIndexOf(', '))
  return `${site} (${site.startsWith(`${day}, `) ? utc.slice(day.length + 2) : utc})`
}

/** How long until, or since: `in 3 h`, `4 min ago`. */
export const untilText = (at: number, now: number, age: (millis: number) => string): string =>
  at > now ? `in ${age(Math.max(1000, at - now))}` : `${age(Math.max(1000, now - at))} ago`
