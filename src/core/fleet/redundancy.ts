import { type Refusal, refuse } from '../refusal/refusal.ts'

/** A redundancy group: at least `needed` of its members stay in service (N-1 where that is one less than all). */
export type RedundancyGroup = { readonly id: string; readonly members: readonly string[]; readonly needed: number }

/** As much of a controller as tells where its power flows. */
export type Flowing = { readonly id: string; readonly behind?: string }

/** Each `behind` names another controller, and following them ends. Refuses `site-behind-unknown`, `site-behind-circular`. */
export function checkBehind(controllers: readonly Flowing[], subject: string): Refusal | null {
  const of = new Map(controllers.map(controller => [controller.id, controller]))
  /** Controllers from which following `behind` is known to end. */
  const sound = new Set<string>()
  for (const [index, { id, behind }] of controllers.entries()) {
    if (behind !== undefined && !of.has(behind)) {
      const actual = `"${behind}" at controllers[${index}].behind`
      return refuse('site-behind-unknown', subject, 'a controller of the site', actual)
    }
    const chain = new Set<string>()
    for (let next: string | undefined = id; next !== undefined && !sound.has(next); next = of.get(next)?.behind) {
      if (chain.has(next)) {
        const circle = [...chain, next].slice(0, 5).join(' behind ')
        return refuse('site-behind-circular', subject, 'an end', `${circle} at controllers[${index}].behind`)
      }
      chain.add(next)
    }
    for (const passed of chain) sound.add(passed)
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
