import { inflateRawSync } from 'node:zlib'
import type { Inflate } from '../core/encoding/zip.ts'

/** Unpacks by Node's zlib, never more than it is told to. */
export const inflateNode: Inflate = (packed, size) => {
  try {
    // The limit may not be 0, and zlib stops where it is passed.
    return new Uint8Array(inflateRawSync(packed, { maxOutputLength: Math.max(1, size) }))
  } catch {
    return null
  }
}
