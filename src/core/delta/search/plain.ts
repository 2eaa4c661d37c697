import { AddressMap } from '../address-map.ts'
import type { Cover } from '../covers.ts'
import { foreseen } from '../references.ts'
import type { Images } from './alike.ts'

/** The covers, those made plain that have more of their bytes right as they were than with what looks like references in them moved. */
export function plainOnes({ old, now, architecture, load }: Images, covers: readonly Cover[]): readonly Cover[] {
  if (architecture === 'none') return covers
  const image = { length: old.length, load, map: new AddressMap(covers) }
  return covers.map((cover): Cover => {
    const { old: at, new: to, length } = cover
    const bytes = foreseen(architecture, old, { at, length, by: to - at }, image)
    let more = 0
    for (let k = 0; k < length; k += 1) {
      const is = now[to + k]
      if (old[at + k] === is) more += 1
      if (bytes[k] === is) more -= 1
    }
    return more > 0 ? { ...cover, plain: true } : cover
  })
}
