import type { Cover } from './covers.ts'

/** How the search for covers is set. */
export type Search = {
  /** A match is another cover only where it is right in so many bytes more than going on with the one before. */
  readonly slack: number
}

/**
 * Stretches of the new image that are like stretches of the old one, in order of the new, none overlapping another there. A match
 * is sought at each place by the suffixes of the old image, and reaches forwards and backwards for as long as most bytes
 * are the same (the method of C. Percival, "Naive Differences of Executable Code", 2003). Yields how far it has come, in bytes of the new image.
 */
export function* findCovers(
  old: Uint8Array,
  suffixes: Int32Array,
  now: Uint8Array,
  { slack }: Search,
): Generator<number, Cover[]> {
  const covers: Cover[] = []
  const isSame = (at: number, by: number): boolean => at + by >= 0 && at + by < old.length && old[at + by] === now[at]
  let scan = 0
  let found: Match = { at: 0, length: 0 }
  let last = { old: 0, new: 0, by: 0 }
  let told = 0
  while (scan < now.length) {
    scan += found.length
    let kept = 0
    for (let counted = scan; scan < now.length; scan += 1) {
      found = longestMatch(old, suffixes, now, scan)
      for (; counted < scan + found.length; counted += 1) if (isSame(counted, last.by)) kept += 1
      if ((found.length === kept && found.length !== 0) || found.length > kept + slack) break
      if (isSame(scan, last.by)) kept -= 1
    }
    if (scan - told > PROGRESS) {
      told = scan
      yield scan
    }
    if (found.length === kept && scan < now.length) continue
    const room = { forwards: Math.min(scan - last.new, old.length - last.old), backwards: 0 }
    let forwards = reach(room.forwards, step => old[last.old + step] === now[last.new + step])
    if (scan < now.length) room.backwards = Math.min(scan - last.new, found.at)
    let backwards = reach(room.backwards, step => old[found.at - 1 - step] === now[scan - 1 - step])
    const overlap = last.new + forwards - (scan - backwards)
    if (overlap > 0) {
      const [ofLast, ofFound] = [last.new + forwards - overlap, scan - backwards]
      const cut = split(
        overlap,
        step => old[last.old + forwards - overlap + step] === now[ofLast + step],
        step => old[found.at - backwards + step] === now[ofFound + step],
      )
      forwards += cut - overlap
      backwards -= cut
    }
    if (forwards > 0) covers.push({ old: last.old, new: last.new, length: forwards })
    last = { old: found.at - backwards, new: scan - backwards, by: found.at - scan }
  }
  return covers
}

/** Bytes between two words about how far it is. */
const PROGRESS = 1 << 16

type Match = { readonly at: number; readonly length: number }

/** The place in the old image whose bytes are like those of the new one for longest. */
function longestMatch(old: Uint8Array, suffixes: Int32Array, now: Uint8Array, at: number): Match {
  let low = 0
  let high = suffixes.length - 1
  if (high < 0) return { at: 0, length: 0 }
  // Bytes that are the same as those of the suffixes at both ends need no second look.
  let [sameLow, sameHigh] = [lengthOf(old, suffixes[low]!, now, at, 0), lengthOf(old, suffixes[high]!, now, at, 0)]
  while (high - low >= 2) {
    const middle = (low + high) >>> 1
    const start = suffixes[middle]!
    const same = lengthOf(old, start, now, at, Math.min(sameLow, sameHigh))
    const isBelow = at + same < now.length && (start + same >= old.length || old[start + same]! < now[at + same]!)
    if (isBelow) {
      low = middle
      sameLow = same
    } else {
      high = middle
      sameHigh = same
    }
  }
  return sameLow > sameHigh ? { at: suffixes[low]!, length: sameLow } : { at: suffixes[high]!, length: sameHigh }
}

function lengthOf(old: Uint8Array, from: number, now: Uint8Array, at: number, known: number): number {
  const most = Math.min(old.length - from, now.length - at)
  let length = Math.min(known, most)
  while (length < most && old[from + length] === now[at + length]) length += 1
  return length
}

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
