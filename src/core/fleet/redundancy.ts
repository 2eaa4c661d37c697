import { type Millis, millis } from '../encoding/units.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'

/**
 * A redundancy group: at least `needed` of its members stay in service (N-1 where that is one less than all).
 * `metered`: the plant is asked whether each member is in service (`in-service`), and one of which no reading of at most
 * `maxAgeMillis` says so is not. A plant without that meter has to say so: then those are in service whose own last report
 * says that they run as they should, and that no reading of any age says are out.
 */
export type RedundancyGroup = {
  readonly id: string
  readonly members: readonly string[]
  readonly needed: number
} & ({ readonly metered: true; readonly maxAgeMillis: Millis } | { readonly metered: false })

/** How old a reading of `in-service` may be where nobody says. */
export const DEFAULT_AGE = millis(60_000)

/** A group as people write it. */
export type WrittenGroup = {
  readonly id: string
  readonly members: readonly string[]
  readonly needed: number
  readonly metered?: boolean
  readonly maxAgeMillis?: Millis
}

/** Groups with their defaults. Refuses `site-malformed`: an age of readings that nobody asks for. */
export function readGroups(written: readonly WrittenGroup[], subject: string): readonly RedundancyGroup[] | Refusal {
  const groups: RedundancyGroup[] = []
  for (const [index, { metered = true, maxAgeMillis, ...group }] of written.entries()) {
    if (metered) groups.push({ ...group, metered, maxAgeMillis: maxAgeMillis ?? DEFAULT_AGE })
    else if (maxAgeMillis === undefined) groups.push({ ...group, metered })
    else {
      const actual = `maxAgeMillis beside "metered": false at groups[${index}]`
      return refuse('site-malformed', subject, 'an age of readings, or no meter', actual)
    }
  }
  return groups
}

/** As much of a controller as tells where its power flows. */
export type Flowing = { readonly id: string; readonly behind?: string }

/** How many controllers may stand one behind the other. */
export const MAX_BEHIND = 16

/**
 * Each `behind` names another controller, and following them ends, soon. Refuses `site-behind-unknown`,
 * `site-behind-circular`, `site-malformed`.
 */
export function checkBehind(controllers: readonly Flowing[], subject: string): Refusal | null {
  const of = new Map(controllers.map(controller => [controller.id, controller]))
  /** Of those from which following `behind` is known to end: after how many. */
  const sound = new Map<string, number>()
  for (const [index, { id, behind }] of controllers.entries()) {
    const at = `controllers[${index}].behind`
    if (behind !== undefined && !of.has(behind)) {
      return refuse('site-behind-unknown', subject, 'a controller of the site', `"${behind}" at ${at}`)
    }
    const chain = new Set<string>()
    let next: string | undefined = id
    for (; next !== undefined && !sound.has(next); next = of.get(next)?.behind) {
      if (chain.has(next)) {
        const circle = [...chain, next].slice(0, 5).join(' behind ')
        return refuse('site-behind-circular', subject, 'an end', `${circle} at ${at}`)
      }
      chain.add(next)
    }
    let after = next === undefined ? -1 : (sound.get(next) ?? 0)
    for (const passed of [...chain].reverse()) {
      after += 1
      sound.set(passed, after)
    }
    if (after > MAX_BEHIND) {
      return refuse('site-malformed', subject, `at most ${MAX_BEHIND} one behind the other`, `more at ${at}`)
    }
  }
  return null
}

/**
 * Each group has members of the site, once, and one to spare. Refuses `site-group-duplicate`, `site-group-member-unknown`,
 * `site-group-without-spare`.
 */
export function checkGroups(
  groups: readonly RedundancyGroup[],
  controllers: readonly Flowing[],
  subject: string,
): Refusal | null {
  const ids = new Set(controllers.map(({ id }) => id))
  const seen = new Set<string>()
  for (const [index, { id, members, needed }] of groups.entries()) {
    const at = `groups[${index}]`
    if (seen.has(id)) return refuse('site-group-duplicate', subject, 'a new group id', `"${id}" again at ${at}`)
    seen.add(id)
    const once = new Set<string>()
    for (const member of members) {
      if (once.has(member)) {
        return refuse('site-group-duplicate', subject, 'each member once', `"${member}" again at ${at}.members`)
      }
      once.add(member)
    }
    const unknown = members.find(member => !ids.has(member))
    if (unknown !== undefined) {
      const actual = `"${unknown}" at ${at}.members`
      return refuse('site-group-member-unknown', subject, 'a controller of the site', actual)
    }
    if (needed >= members.length) {
      const actual = `${needed} of ${members.length} needed at ${at}`
      return refuse('site-group-without-spare', subject, 'fewer needed than there are', actual)
    }
  }
  return null
}
