import type { Site, SiteController } from '../fleet/topology.ts'
import type { PlannedStep } from './terms.ts'

/**
 * The order of a plan's steps within a site. Controllers of one circle talk to each other, and one without a circle talks
 * to all: a step waits for every step of a lower order that is not confirmed, of whoever its controller talks to, itself
 * among them. Which step it is, the order says: a fleet server that orders a later one than the next is not believed.
 */
export class StepOrder {
  readonly #circles: ReadonlyMap<string, string | null>
  /** By campaign: the steps that are not confirmed, the lowest order first. */
  readonly #open = new Map<string, PlannedStep[]>()

  constructor({ controllers }: Pick<Site, 'controllers'>, steps: readonly PlannedStep[]) {
    this.#circles = new Map(controllers.map(({ id, circle }) => [id, circle ?? null]))
    for (const step of steps) {
      if (step.confirmed) continue
      const open = this.#open.get(step.campaign)
      if (open === undefined) this.#open.set(step.campaign, [step])
      else open.push(step)
    }
    for (const open of this.#open.values()) open.sort((a, b) => a.order - b.order)
  }

  /**
   * The controller whose step has to be confirmed before this one takes a release; null: nobody's. `release` is the SHA-256
   * of its envelope (hex), or how that begins. One that is no open step of it, such as the way back, has no place in the order.
   */
  before(campaign: string, { id, circle }: Pick<SiteController, 'id' | 'circle'>, release: string): string | null {
    const open = this.#open.get(campaign) ?? []
    const own = open.find(step => step.controller === id && step.release.startsWith(release))?.order
    if (own === undefined) return null
    const talks = (other: string): boolean => {
      const theirs = this.#circles.get(other) ?? null
      return circle === undefined || theirs === null || theirs === circle
    }
    const first = open.find(step => step.order >= own || step.controller === id || talks(step.controller))
    return first === undefined || first.order >= own ? null : first.controller
  }
}
