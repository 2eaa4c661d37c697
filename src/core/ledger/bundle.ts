import { Misfit } from '../encoding/shape.ts'
import { TILE_WIDTH } from './tiles.ts'

/** Entries as they are served: each behind its length, two bytes big-endian (C2SP tlog-tiles, "Log entries"). */

/** The longest entry that a bundle can hold. */
export const MAX_BUNDLED_BYTES = 0xffff
const LENGTH_BYTES = 2

/** The bundle of some entries, each at most `MAX_BUNDLED_BYTES` long. */
export function writeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const bundle = new Uint8Array(entries.reduce((sum, entry) => sum + LENGTH_BYTES + entry.length, 0))
  let at = 0
  for (const entry of entries) {
    if (entry.length > MAX_BUNDLED_BYTES) throw new RangeError(`an entry of ${entry.length} bytes`)
    bundle[at] = entry.length >> 8
    bundle[at + 1] = entry.length & 0xff
    bundle.set(entry, at + LENGTH_BYTES)
    at += LENGTH_BYTES + entry.length
  }
  return bundle
}

/** The first `count` entries of a bundle that has at least so many, as views of its bytes. What is wrong with it, when it has not. */
export function readBundle(bundle: Uint8Array, count: number): Uint8Array[] | Misfit {
  const entries: Uint8Array[] = []
  let at = 0
  while (at < bundle.length) {
    const length = (bundle[at] as number) * 256 + (bundle[at + 1] ?? 0)
    const end = at + LENGTH_BYTES + length
    if (end > bundle.length) return new Misfit(`entry ${entries.length}`, `${length} bytes`, 'the end of the bundle')
    entries.push(bundle.subarray(at + LENGTH_BYTES, end))
    if (entries.length > TILE_WIDTH) return new Misfit('', `at most ${TILE_WIDTH} entries`, 'more')
    at = end
  }
  if (entries.length < count) return new Misfit('', `${count} entries`, `${entries.length}`)
  return entries.slice(0, count)
}
