import { parentPort, workerData } from 'node:worker_threads'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { createPatch } from '../../core/delta/create.ts'
import type { Architecture } from '../../core/delta/references.ts'
import { refusePatch } from '../../core/delta/whole.ts'
import type { Refusal } from '../../core/refusal/refusal.ts'

/**
 * Makes one patch, in a thread of its own: what takes seconds to minutes would otherwise be no time for anybody else, and could not be ended
 * before it is through. It has nothing but two images.
 */

/**
 * `architectures`: each is tried, and the smallest patch is what is made. `load`: where the images are run from. `proven`: the patch is applied
 * as well, and refused unless it makes the new image: nobody else looks before it is offered to thousands.
 */
export type PatchWork = {
  readonly old: Uint8Array
  readonly now: Uint8Array
  readonly architectures: readonly Architecture[]
  readonly load: number
  readonly proven?: boolean
  /** Bytes that the search in large images may take. */
  readonly memory: number
  /** Bytes of memory that whoever applies the patch has: it is made to fit, as far as it can be. */
  readonly applierMemory?: number
}

/** What the worker says: how far it is (from 0 to 1) and what it is at, and the patch. */
export type FromPatchWorker =
  | { readonly is: 'at'; readonly share: number; readonly doing: string }
  | { readonly is: 'made'; readonly patch: Uint8Array }
  | { readonly is: 'refused'; readonly refusal: Refusal }

const port = parentPort
if (port !== null) make(workerData as PatchWork, (message, move) => port.postMessage(message, move))

function make(
  { old, now, architectures, load, memory, applierMemory, proven = false }: PatchWork,
  say: (message: FromPatchWorker, move: ArrayBuffer[]) => void,
): void {
  let best: Uint8Array | null = null
  for (const [index, architecture] of architectures.entries()) {
    const order = { old, now, architecture, load, memory, ...(applierMemory === undefined ? {} : { applierMemory }) }
    const work = createPatch(nodeCrypto, order)
    let step = work.next()
    for (; !step.done; step = work.next()) {
      // Looking for what is alike is about half of it.
      const { doing, share } = step.value
      const within = doing === 'writing' ? 0.5 + share / 2 : share / 2
      say({ is: 'at', share: (index + within) / architectures.length, doing: `${doing}, ${architecture}` }, [])
    }
    if (best === null || step.value.length < best.length) best = step.value
  }
  const patch = (best as Uint8Array).slice()
  const fault = proven ? refusePatch(nodeCrypto, patch, { old, now }) : null
  if (fault === null) say({ is: 'made', patch }, [patch.buffer as ArrayBuffer])
  else say({ is: 'refused', refusal: fault }, [])
}
