import { toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { Chunks, Component, ReleaseFacts } from './release-facts.ts'

/** How a payload is made up: the images of its components one behind the other, each cut into chunks. */

/** Chunks in a payload, and the bytes that a chunk may have: a power of two. */
export const CHUNK_LIMITS = { count: 256, minBytes: 256, maxBytes: 16 * 1024 * 1024, usualBytes: 4096 } as const
/** Images in one payload. */
export const MAX_COMPONENTS = 4
/** Bytes of a chunk's SHA-256 that a manifest keeps. */
export const CHUNK_DIGEST_BYTES = 16

/** A chunk: where it stands in the payload and in the image of its component. Offsets and lengths in bytes. */
export type Chunk = {
  readonly index: number
  readonly component: number
  /** From the start of the component's image. */
  readonly offset: number
  /** From the start of the payload. */
  readonly at: number
  readonly length: number
}

type Layout = { readonly components: readonly Component[]; readonly chunks: { readonly bytes: number } }

/** Where the image of a component starts in the payload. */
export function startOf(components: readonly Component[], component: number): number {
  return components.slice(0, component).reduce((sum, { size }) => sum + size, 0)
}

export function chunkCount({ components, chunks }: Layout): number {
  return components.reduce((sum, { size }) => sum + Math.ceil(size / chunks.bytes), 0)
}

/** The chunk that the payload's byte `at` is in; null behind the payload's end. */
export function chunkAt(layout: Layout, at: number): Chunk | null {
  const { components, chunks } = layout
  let [start, before] = [0, 0]
  for (const [component, { size }] of components.entries()) {
    if (at < start + size) {
      const within = Math.floor((at - start) / chunks.bytes)
      const offset = within * chunks.bytes
      const length = Math.min(chunks.bytes, size - offset)
      return { index: before + within, component, offset, at: start + offset, length }
    }
    start += size
    before += Math.ceil(size / chunks.bytes)
  }
  return null
}

/** Whether the bytes of a chunk, as their whole SHA-256, are the ones that the release names. */
export function isChunk(facts: ReleaseFacts, chunk: Chunk, sha256: Uint8Array): boolean {
  return toHex(sha256.subarray(0, CHUNK_DIGEST_BYTES)) === facts.chunks.digests[chunk.index]
}

/** The chunk size of a release when nobody names one: the smallest usual power of two that makes few enough chunks. */
export function usualChunkBytes(components: readonly Component[]): number {
  let bytes: number = CHUNK_LIMITS.usualBytes
  while (chunkCount({ components, chunks: { bytes } }) > CHUNK_LIMITS.count) bytes *= 2
  return bytes
}

/** Measures the chunks of a payload. */
export function measureChunks(
  payload: Uint8Array,
  components: readonly Component[],
  bytes: number,
  crypto: Crypto,
): Chunks {
  const digests: string[] = []
  let at = 0
  for (const { size } of components) {
    for (let offset = 0; offset < size; offset += bytes) {
      const part = payload.subarray(at + offset, at + Math.min(offset + bytes, size))
      digests.push(toHex(crypto.sha256(part).subarray(0, CHUNK_DIGEST_BYTES)))
    }
    at += size
  }
  return { bytes, digests }
}

/** Reads components from untrusted fields: 1 to 4, each name once, sizes that come to `imageSize`. Null when they do not. */
export function parseComponents(
  value: unknown,
  imageSize: number,
  isName: (name: unknown) => name is string,
): readonly Component[] | null {
  if (!Array.isArray(value) || value.length < 1 || value.length > MAX_COMPONENTS) return null
  const out: Component[] = []
  let left = imageSize
  for (const item of value as readonly unknown[]) {
    const { name, size } = (typeof item === 'object' && item !== null ? item : {}) as Partial<Record<string, unknown>>
    if (!isName(name) || out.some(other => other.name === name)) return null
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1 || size > left) return null
    left -= size
    out.push({ name, size })
  }
  return left === 0 ? out : null
}

/** Reads chunks from untrusted fields: a power of two within bounds, one digest for each. Null when they are not. */
export function parseChunks(value: unknown, components: readonly Component[]): Chunks | null {
  const { bytes, digests } = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<string, unknown>
  >
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || !Number.isInteger(Math.log2(bytes))) return null
  if (bytes < CHUNK_LIMITS.minBytes || bytes > CHUNK_LIMITS.maxBytes || !Array.isArray(digests)) return null
  const count = chunkCount({ components, chunks: { bytes } })
  if (count > CHUNK_LIMITS.count || digests.length !== count) return null
  const sound = (digests as readonly unknown[]).every(
    (digest): digest is string => typeof digest === 'string' && /^[0-9a-f]{32}$/.test(digest),
  )
  return sound ? { bytes, digests: digests as readonly string[] } : null
}
