/**
 * The starts of all suffixes of some bytes, in their order: by induced sorting, in time that grows with the length (G. Nong, S. Zhang,
 * W. H. Chan, "Two Efficient Algorithms for Linear Time Suffix Array Construction", IEEE Transactions on Computers 60(10), 2011).
 * Needs about 9 bytes for each byte. At most 2^31 − 1 bytes.
 */
export function suffixArray(bytes: Uint8Array): Int32Array {
  return sorted(Int32Array.from(bytes), 256)
}

/** Letters are below `letters`. A suffix that is the beginning of another one comes before it. */
function sorted(text: Int32Array, letters: number): Int32Array {
  const length = text.length
  if (length < 2) return new Int32Array(length)
  const rises = risingSuffixes(text)
  const { falling, rising } = buckets(text, rises, letters)
  const starts = leftmostRising(rises)
  const order = new Int32Array(length)
  const induce = (from: Int32Array): void => {
    const at = new Int32Array(letters + 1)
    order.fill(-1)
    at.set(rising)
    for (const start of from) order[at[text[start]!]!++] = start
    at.set(falling)
    order[at[text[length - 1]!]!++] = length - 1
    for (let k = 0; k < length; k += 1) {
      const start = order[k]! - 1
      if (start >= 0 && rises[start] === 0) order[at[text[start]!]!++] = start
    }
    at.set(falling)
    for (let k = length - 1; k >= 0; k -= 1) {
      const start = order[k]! - 1
      if (start >= 0 && rises[start] === 1) order[--at[text[start]! + 1]!] = start
    }
  }
  induce(starts)
  if (starts.length === 0) return order
  const { names, distinct } = named(text, order, starts)
  const ranks = sorted(names, distinct)
  induce(ranks.map(rank => starts[rank]!))
  return order
}

/** 1 for each suffix that is smaller than the one behind it. */
function risingSuffixes(text: Int32Array): Uint8Array {
  const rises = new Uint8Array(text.length)
  for (let at = text.length - 2; at >= 0; at -= 1) {
    const [here, next] = [text[at]!, text[at + 1]!]
    rises[at] = here < next || (here === next && rises[at + 1] === 1) ? 1 : 0
  }
  return rises
}

/** Where the suffixes of each letter begin: those that fall stand before those that rise. */
function buckets(text: Int32Array, rises: Uint8Array, letters: number): { falling: Int32Array; rising: Int32Array } {
  const falling = new Int32Array(letters + 1)
  const rising = new Int32Array(letters + 1)
  for (let at = 0; at < text.length; at += 1) {
    if (rises[at] === 1) falling[text[at]! + 1]! += 1
    else rising[text[at]!]! += 1
  }
  for (let letter = 0; letter <= letters; letter += 1) {
    rising[letter]! += falling[letter]!
    if (letter < letters) falling[letter + 1]! += rising[letter]!
  }
  return { falling, rising }
}

/** The suffixes that rise behind one that falls, from the left. */
function leftmostRising(rises: Uint8Array): Int32Array {
  const isOne = (at: number): boolean => rises[at] === 1 && rises[at - 1] === 0
  let count = 0
  for (let at = 1; at < rises.length; at += 1) if (isOne(at)) count += 1
  const starts = new Int32Array(count)
  for (let at = 1, k = 0; at < rises.length; at += 1) if (isOne(at)) starts[k++] = at
  return starts
}

/** A number for each piece between two leftmost rising suffixes, in their order; equal pieces have the same. */
function named(text: Int32Array, order: Int32Array, starts: Int32Array): { names: Int32Array; distinct: number } {
  const place = new Int32Array(text.length).fill(-1)
  for (let k = 0; k < starts.length; k += 1) place[starts[k]!] = k
  const endOf = (start: number): number => starts[place[start]! + 1] ?? text.length
  const same = (a: number, b: number): boolean => {
    const [endA, endB] = [endOf(a), endOf(b)]
    if (endA - a !== endB - b) return false
    // The last piece has nothing behind it, and is like no other.
    for (let k = 0; k <= endA - a; k += 1) if (text[a + k] !== text[b + k] || a + k >= text.length) return false
    return true
  }
  const names = new Int32Array(starts.length)
  let name = -1
  let before = -1
  for (const start of order) {
    if (start < 0 || place[start] === -1) continue
    if (before < 0 || !same(before, start)) name += 1
    names[place[start]!] = name
    before = start
  }
  return { names, distinct: name + 1 }
}
