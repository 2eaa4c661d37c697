import { compareVersions } from '../firmware/version.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { type AttestedController, placesOf, type SignedRelease, shortestWay } from './path-places.ts'

/**
 * The releases that a controller must pass to come to `goal`, alone: in order, `goal` as the last, the fewest that lead
 * there. Refuses as `placesOf`.
 */
export function keyPath<Release extends SignedRelease>(
  controller: AttestedController,
  goal: Release,
  stones: readonly Release[],
): readonly Release[] | Refusal {
  const places = placesOf(controller, goal, stones)
  return isRefusal(places) ? places : shortestWay(places)
}

/** Releases, the newer first. */
export const newestFirst = <Release extends SignedRelease>(releases: readonly Release[]): readonly Release[] =>
  releases.toSorted((a, b) => compareVersions(b.facts.version, a.facts.version) || b.facts.sequence - a.facts.sequence)

export type { SignedRelease }
