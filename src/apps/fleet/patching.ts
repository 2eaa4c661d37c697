import { likely } from '../../core/delta/detect.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { makeNextPatch, servePatches } from '../../flows/make-patches.ts'
import type { PatchMaker } from '../../flows/patch-ports.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { makePatch } from '../process/patch-making.ts'

/** Makes the patches of a fleet server's queue, one at a time, each in a thread of its own. */
export class Patching {
  readonly #world: FleetWorld
  readonly #stop = new AbortController()
  /** Sites may wait for orders that are to be written anew: at the start, for what was made before it. */
  #due = true

  constructor(world: FleetWorld) {
    this.#world = world
  }

  /** Makes what waits until nothing does. Refuses what `servePatches` refuses: the sites are served by the next round. */
  async round(): Promise<null | Refusal> {
    if (this.#world.patches === undefined) return null
    while (!this.#stop.signal.aborted) {
      if (this.#due) {
        const unserved = await servePatches(this.#world)
        if (unserved !== null) return unserved
        this.#due = false
      }
      const made = await makeNextPatch(this.#world, this.#make)
      // It was ended: the next start makes it.
      if (isRefusal(made)) return null
      if (!made) return null
      this.#due = true
    }
    return null
  }

  /** Ends the patch that is under way: it stays in the queue. */
  close(): void {
    this.#stop.abort()
  }

  readonly #make: PatchMaker = (old, now, { seconds, bytes }) => {
    const { architectures, load } = likely(old, now)
    const work = { old, now, architectures, load, proven: true }
    return makePatch(work, { millis: seconds * 1000, memory: bytes, stop: this.#stop.signal })
  }
}
