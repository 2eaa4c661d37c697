import { concat, sameBytes } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { CHAIN_BYTES } from './patch.ts'

/**
 * A boundary of a patch: behind so many bytes of the new image, the next block begins at byte `offset` of the patch and has the digest
 * `next`. It is a fact of the patch, wherever its application stands: rows may be lost, stand twice or in any order.
 */
export type Boundary = { readonly written: number; readonly offset: number; readonly next: Uint8Array }

/** Bytes of a row: patch (16) | written (4) | offset (4) | next (16) | the first 24 bytes of the SHA-256 of those. */
export const ROW_BYTES = 64
const PATCH_BYTES = 16
const SAID_BYTES = PATCH_BYTES + 8 + CHAIN_BYTES

/** `patch`: the SHA-256 of the whole patch. */
export function writeRow(
  crypto: Pick<Crypto, 'sha256'>,
  patch: Uint8Array,
  { written, offset, next }: Boundary,
): Uint8Array {
  const numbers = new Uint8Array(8)
  const view = new DataView(numbers.buffer)
  view.setUint32(0, written, true)
  view.setUint32(4, offset, true)
  const said = concat(patch.subarray(0, PATCH_BYTES), numbers, next)
  return concat(said, crypto.sha256(said).subarray(0, ROW_BYTES - SAID_BYTES))
}

/** The boundary in a row; null when it is of another patch, torn, or none. Whoever can write it gains nothing by it: it is a hint. */
export function readRow(crypto: Pick<Crypto, 'sha256'>, patch: Uint8Array, row: Uint8Array): Boundary | null {
  if (row.length !== ROW_BYTES || !sameBytes(row.subarray(0, PATCH_BYTES), patch.subarray(0, PATCH_BYTES))) return null
  const said = row.subarray(0, SAID_BYTES)
  if (!sameBytes(crypto.sha256(said).subarray(0, ROW_BYTES - SAID_BYTES), row.subarray(SAID_BYTES))) return null
  const view = new DataView(row.buffer, row.byteOffset, row.length)
  return {
    written: view.getUint32(PATCH_BYTES, true),
    offset: view.getUint32(PATCH_BYTES + 4, true),
    next: row.slice(PATCH_BYTES + 8, SAID_BYTES),
  }
}
