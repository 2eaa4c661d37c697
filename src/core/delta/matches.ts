import type { Cover } from './covers.ts'

/** How the search for covers is set. */
export type Search = {
  /** A match is another cover only where it is right in so many bytes more than going on with the one before. */
  readonly slack: number
}

/** An index of the old image. Answers by what it sets: at each place of the new image it is asked, and a search makes no garbage so. */
export type Index = {
  /** The match that was found last: where in the old image, and for how many bytes; 0 where there is none. */
  readonly at: number
  readonly length: number
  /** Looks for bytes like those of the new image from `at` on. Of what is as good, what stands at `near` is best. */
  find(now: Uint8Array, at: number, near: number): void
}

/**
 * Stretches of the new image that are like stretches of the old one, in order of the new, none overlapping another there. A match
 * is sought at each place by an index of the old image, and reaches forwards and backwards for as long as most bytes
 * are the same (the method of C. Percival, "Naive Differences of Executable Code", 2003). Yields how far it has come, in bytes of the new image.
 */
export function* findCovers(
  old: Uint8Array,
  index: Index,
  now: Uint8Array,
  { slack }: Search,
): Generator<number, Cover[]> {
  const covers: Cover[] = []
  const isSame = (at: number, by: number): boolean => at + by >= 0 && at + by < old.length && old[at + by] === now[at]
  let scan = 0
  let [found, length] = [0, 0]
  let last = { old: 0, new: 0, by: 0 }
  let told = 0
  while (scan < now.length) {
    scan += length
    let kept = 0
    for (let counted = scan; scan < now.length; scan += 1) {
      index.find(now, scan, scan + last.by)
      found = index.at
      length = index.length
      for (; counted < scan + length; counted += 1) if (isSame(counted, last.by)) kept += 1
      if ((length === kept && length !== 0) || length > kept + slack) break
      if (isSame(scan, last.by)) kept -= 1
    }
    if (scan - told > PROGRESS) {
      told = scan
      yield scan
    }
    if (length === kept && scan < now.length) continue
    const room = { forwards: Math.min(scan - last.new, old.length - last.old), backwards: 0 }
    let forwards = reach(room.forwards, step => old[last.old + step] === now[last.new + step])
    if (scan < now.length) room.backwards = Math.min(scan - last.new, found)
    let backwards = reach(room.backwards, step => old[found - 1 - step] === now[scan - 1 - step])
    const overlap = last.new + forwards - (scan - backwards)
    if (overlap > 0) {
      const [ofLast, ofFound] = [last.new + forwards - overlap, scan - backwards]
      const cut = split(
        overlap,
        step => old[last.old + forwards - overlap + step] === now[ofLast + step],
        step => old[found - backwards + step] === now[ofFound + step],
      )
      forwards += cut - overlap
      backwards -= cut
    }
    if (forwards > 0) covers.push({ old: last.old, new: last.new, length: forwards })
    last = { old: found - backwards, new: scan - backwards, by: found - scan }
  }
  return covers
}

/** Bytes between two words about how far it is. */
const PROGRESS = 1 << 16

/** How many steps a cover goes on: the number at which most more of its bytes were the same than were not. */
function reach(most: number, isSame: (step: number) => boolean): number {
  let [same, best, length] = [0, 0, 0]
  for (let step = 0; step < most; step += 1) {
    if (isSame(step)) same += 1
    if (same * 2 - (step + 1) > best * 2 - length) {
      best = same
      length = step + 1
    }
  }
  return length
}

/** Where in an overlap the first cover ends and the second begins, so that most bytes are right. */
function split(overlap: number, inFirst: (step: number) => boolean, inSecond: (step: number) => boolean): number {
  let [score, best, cut] = [0, 0, 0]
  for (let step = 0; step < overlap; step += 1) {
    score += (inFirst(step) ? 1 : 0) - (inSecond(step) ? 1 : 0)
    if (score > best) {
      best = score
      cut = step + 1
    }
  }
  return cut
}
