import type { Crypto } from '../encoding/crypto.ts'
import { type Chunk, chunkAt, isChunk } from '../firmware/payload.ts'
import type { Component, ReleaseFacts } from '../firmware/release-facts.ts'

/** Reads bytes of a dump; null where there are not so many. */
export type ReadDump = (offset: number, length: number) => Uint8Array | null

/** The image of a slot: where it begins in the dump, and how many of its chunks are what its envelope names. */
export type DumpImage = { readonly offset: number; readonly good: number; readonly chunks: number }

/** An image begins within so many bytes of its slot, at a multiple of one of these sizes of a sector. */
const HEAD_ROOM = 128 * 1024
const SECTORS = [16, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536] as const
/** Chunks that are looked at to tell where an image begins. */
const SAMPLES = 8

/**
 * Finds the image of a slot whose `imageOffset` is not known: behind the envelope flash is erased up to the sector in which
 * the image begins. Of the first component only, as the others of a group lie elsewhere. Null: no place holds a chunk of it.
 * What the envelope says is believed: who wants to know more verifies its signature.
 */
export function findImage(
  read: ReadDump,
  slot: number,
  headBytes: number,
  facts: ReleaseFacts,
  crypto: Crypto,
): DumpImage | null {
  const chunks = chunksOf(facts)
  const sample = chunks.filter((_, index) => index % Math.ceil(chunks.length / SAMPLES) === 0)
  const count = (offset: number, some: readonly Chunk[]): number =>
    some.filter(chunk => {
      const bytes = read(offset + chunk.offset, chunk.length)
      return bytes !== null && isChunk(facts, chunk, crypto.sha256(bytes))
    }).length
  let best: DumpImage | null = null
  for (const offset of placesBehind(read, slot, headBytes)) {
    const good = count(offset, sample)
    if (good > (best?.good ?? 0)) best = { offset, good, chunks: chunks.length }
  }
  return best === null ? null : { ...best, good: count(best.offset, chunks) }
}

function chunksOf(facts: ReleaseFacts): Chunk[] {
  const { size } = facts.components[0] as Component
  const out: Chunk[] = []
  for (
    let chunk = chunkAt(facts, 0);
    chunk !== null && chunk.at < size;
    chunk = chunkAt(facts, chunk.at + chunk.length)
  ) {
    out.push(chunk)
  }
  return out
}

/** Where the image may begin: at the start of the sector, of any size, that holds the first byte that is not erased. */
function placesBehind(read: ReadDump, slot: number, headBytes: number): ReadonlySet<number> {
  const places = new Set<number>()
  for (let at = headBytes; at < HEAD_ROOM; at += 1024) {
    const written = read(slot + at, 1024)?.findIndex(byte => byte !== 0xff) ?? -1
    if (written < 0) continue
    for (const sector of SECTORS) {
      const start = at + written - ((at + written) % sector)
      if (start >= headBytes) places.add(slot + start)
    }
    return places
  }
  return places
}
