import { concat } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { AddressMap } from './address-map.ts'
import { BitWriter } from './arithmetic.ts'
import { SLOT_BITS } from './byte-model.ts'
import { type Cover, CoverCoder } from './covers.ts'
import { type Fit, fitted } from './fit.ts'
import { ImageWalk, STEP } from './image-walk.ts'
import { CHAIN_BYTES, chainDigest, type PatchHeader, writeBlock, writeHeader } from './patch.ts'
import { findAlike, type Images, LARGE_IMAGE } from './search/alike.ts'
import { plainOnes } from './search/plain.ts'

/** Of what a patch is made. */
export type PatchOrder = Images & {
  readonly slotBits?: number
  /** Bytes of memory that the search in large images may take. */
  readonly memory?: number
  /** Payload bytes that a block has, about; unset: 4 KiB, and 32 KiB of a large image. */
  readonly blockBytes?: number
  /** Bytes of memory that whoever applies it has: the patch is made to fit, as far as it can be. */
  readonly applierMemory?: number
}

/** How far the work is, from 0 to 1, and what it is at. */
export type Share = { readonly doing: 'looking for what is alike' | 'writing'; readonly share: number }

/** Payload bytes that a block has, about: what a power cut undoes, and what must fit into memory at once. */
const BLOCK = 4096
/** Bytes of the new image that a block has at most: of a large one, what is copied in a second or two. */
const spanOf = (length: number): number => (length > LARGE_IMAGE ? 16 << 20 : 1 << 20)
/** A cover takes less. */
const BYTES_OF_COVER = 16
/** What applies an image of more bytes has megabytes for it. */
const slotBitsOf = (length: number): number => (length > LARGE_IMAGE ? SLOT_BITS.large : SLOT_BITS.usual)
const blockBytesOf = (length: number): number => (length > LARGE_IMAGE ? 8 * BLOCK : BLOCK)

/**
 * Makes the patch that turns one image into another. The same order makes the same patch. Yields how far it is; whoever does not go on has
 * cancelled it. Takes some twenty bytes of memory for each byte of the old image, and for a large one what `memory` says.
 */
export function* createPatch(crypto: Pick<Crypto, 'sha256'>, order: PatchOrder): Generator<Share, Uint8Array> {
  const { old, now, architecture, load } = order
  const search = findAlike(order, order.memory)
  let found = search.next()
  for (; !found.done; found = search.next()) yield { doing: 'looking for what is alike', share: found.value }
  const { slotBits, blockBytes, covers } = fitOf(order, plainOnes(order, found.value))
  const blocks: { readonly count: number; readonly payload: Uint8Array }[] = [...coverBlocks(covers, blockBytes)]
  const map = new AddressMap(covers)
  const walk = new ImageWalk({ architecture, slotBits, covers, old: { length: old.length, load, map } })
  const writer = new BitWriter()
  const span = spanOf(now.length)
  for (let from = 0; walk.at < now.length; ) {
    const step = walk.step(writer, now.slice(walk.at, walk.at + STEP))
    for (let next = step.next(); !next.done; ) {
      next = step.next(old.subarray(next.value.at, next.value.at + next.value.length))
    }
    if (writer.length < blockBytes && walk.at - from < span && walk.at < now.length) continue
    blocks.push({ count: walk.at - from, payload: writer.end() })
    from = walk.at
    yield { doing: 'writing', share: walk.at / now.length }
  }
  const chained: Uint8Array[] = []
  let next: Uint8Array = new Uint8Array(CHAIN_BYTES)
  for (const block of blocks.toReversed()) {
    const bytes = writeBlock({ ...block, next })
    chained.push(bytes)
    next = chainDigest(crypto, bytes)
  }
  const header: PatchHeader = {
    architecture,
    slotBits,
    load,
    base: { length: old.length, digest: crypto.sha256(old) },
    target: { length: now.length, digest: crypto.sha256(now) },
    covers: covers.length,
    longest: blocks.reduce((longest, { payload }) => Math.max(longest, payload.length), 0),
    first: next,
  }
  return concat(writeHeader(header), ...chained.reverse())
}

function fitOf({ now, slotBits, blockBytes, applierMemory }: PatchOrder, covers: readonly Cover[]): Fit {
  const usual = {
    covers,
    slotBits: slotBits ?? slotBitsOf(now.length),
    blockBytes: blockBytes ?? blockBytesOf(now.length),
  }
  return applierMemory === undefined ? usual : fitted(usual, applierMemory)
}

function* coverBlocks(
  covers: readonly Cover[],
  blockBytes: number,
): Generator<{ readonly count: number; readonly payload: Uint8Array }> {
  const writer = new BitWriter()
  const atOnce = Math.max(1, Math.floor(blockBytes / BYTES_OF_COVER))
  let coder = new CoverCoder(writer)
  for (let from = 0; from < covers.length; from += atOnce) {
    const some = covers.slice(from, from + atOnce)
    if (from > 0) coder = coder.next(writer)
    for (const cover of some) coder.code(cover)
    yield { count: some.length, payload: writer.end() }
  }
}
