import { AddressMap } from '../address-map.ts'
import type { Cover } from '../covers.ts'
import { MARGIN } from '../references/stretch.ts'
import { expected } from '../references.ts'
import type { Images } from './alike.ts'

/** The covers, those made plain that have more of their bytes right as they were than with what looks like references in them moved. */
export function plainOnes({ old, now, architecture, load }: Images, covers: readonly Cover[]): readonly Cover[] {
  if (architecture === 'none') return covers
  const image = { length: old.length, load, map: new AddressMap(covers) }
  return covers.map((cover): Cover => {
    const bytes = new Uint8Array(cover.length + 2 * MARGIN)
    const first = Math.max(0, cover.old - MARGIN)
    bytes.set(old.subarray(first, cover.old + cover.length + MARGIN), first - (cover.old - MARGIN))
    expected(
      architecture,
      { at: cover.old, by: cover.new - cover.old, bytes, kinds: new Uint8Array(bytes.length) },
      image,
    )
    let more = 0
    for (let k = 0; k < cover.length; k += 1) {
      const is = now[cover.new + k]
      if (old[cover.old + k] === is) more += 1
      if (bytes[MARGIN + k] === is) more -= 1
    }
    return more > 0 ? { ...cover, plain: true } : cover
  })
}
