import { type Container, containerAdvice } from './container.ts'
import type { PatchHeader } from './patch.ts'

/** What something is packed with, by the bytes that it begins with. */
export const PACKINGS = ['gzip', 'xz', 'zstd', 'bzip2', 'lz4', 'lzma', 'zip', 'squashfs', 'luks'] as const
export type Packing = (typeof PACKINGS)[number]

/** Something packed in an image: what with, and where it begins. */
export type Packed = { readonly with: Packing; readonly at: number }

/** How much of an image nothing can be found alike in. */
export type Density = {
  /** How much of it is compressed or encrypted, by how evenly its bytes are spread: from 0 to 1. */
  readonly share: number
  /** What is packed in it, in order, as far as it says so itself; a few at most. */
  readonly packed: readonly Packed[]
}

/** Bytes that are looked at for themselves. */
const BLOCK = 4096
/** Bits of information in a byte, at least, of what is compressed or encrypted: of 4,096 bytes drawn by lot it is 7.95, of code 6.5. */
const DENSE_BITS = 7.6
const MOST_PACKED = 8

/**
 * How much of an image is compressed or encrypted: a change of one byte changes all that follows, so that no patch is much smaller than
 * it. Looks at every block once.
 */
export function densityOf(image: Uint8Array): Density {
  const packed: Packed[] = []
  let dense = 0
  let wasDense = false
  for (let at = 0; at < image.length; at += BLOCK) {
    const block = image.subarray(at, at + BLOCK)
    const isDense =
      block.length >= BLOCK / 4 && bitsOf(block) >= DENSE_BITS * (Math.log2(Math.min(block.length, BLOCK)) / 12)
    if (isDense) dense += block.length
    // What is packed begins in the block before the first dense one, or in that.
    if (isDense && !wasDense) packed.push(...headsIn(image, Math.max(0, at - BLOCK), at + BLOCK))
    wasDense = isDense
  }
  return { share: image.length === 0 ? 0 : dense / image.length, packed: packed.slice(0, MOST_PACKED) }
}

/** Shannon's entropy of bytes, in bits for each. */
function bitsOf(bytes: Uint8Array): number {
  const counts = new Uint32Array(256)
  for (let at = 0; at < bytes.length; at += 1) counts[bytes[at]!]! += 1
  let bits = 0
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / bytes.length)
  return bits / bytes.length
}

/** The first bytes of each, as hexadecimal digits. LZMA has none that mean much: its usual properties, and a dictionary of a power of two. */
const HEADS: readonly (readonly [Packing, string])[] = [
  ['gzip', '1f8b08'],
  ['xz', 'fd377a585a00'],
  ['zstd', '28b52ffd'],
  ['bzip2', '314159265359'],
  ['lz4', '04224d18'],
  ['lz4', '02214c18'],
  ['lzma', '5d00008000'],
  ['lzma', '5d00000004'],
  ['zip', '504b0304'],
  ['squashfs', '68737173'],
  ['luks', '4c554b53babe'],
]
const HEAD_BYTES = HEADS.map(([packing, hex]) => [packing, Uint8Array.fromHex(hex)] as const)

function headsIn(image: Uint8Array, from: number, end: number): Packed[] {
  const found: Packed[] = []
  for (let at = from; at < end && at < image.length; at += 1) {
    for (const [packing, head] of HEAD_BYTES) {
      if (image[at] === head[0] && head.every((byte, k) => image[at + k] === byte)) found.push({ with: packing, at })
    }
  }
  return found
}

/** A patch is of little use when it is of so much of its image, at least. */
const LITTLE_USE = 0.5
/** An image that is dense in so much of it is worth a word. */
const MUCH_DENSE = 0.5

/** Which containers the images that a patch is between are. */
export type Containers = { readonly old: Container | null; readonly now: Container | null }

/**
 * Why a patch is not small, or of no use, and how the image could be built so that the next one is. `share`: of the new image, how much the patch
 * is of. `container`: what the images are where they are not the bytes in flash.
 */
export type Advice = {
  readonly share: number
  readonly density: Density | null
  readonly container: Container | null
  readonly text: string
}

/** What can be said of the images of a patch where they are at hand. `density`: of the new one. */
export type Seen = { readonly density: Density; readonly containers: Containers }

/**
 * What to tell whoever made a patch, or holds one: null where its images are what stands in flash, and it is small, or made from nothing.
 * `seen`: of its images, where they are at hand.
 */
export function adviceOn(
  { base, target }: Pick<PatchHeader, 'base' | 'target'>,
  patchBytes: number,
  seen: Seen | null,
): Advice | null {
  const share = target.length === 0 ? 0 : patchBytes / target.length
  const density = seen?.density ?? null
  const contained = seen === null ? null : onContainers(seen.containers)
  if (contained !== null) return { share, density, ...contained }
  if (base.length === 0 || target.length < BLOCK || share < LITTLE_USE) return null
  const packings = [...new Set(density?.packed.map(one => one.with) ?? [])]
  const isDense = density === null || density.share >= MUCH_DENSE
  const why = isDense
    ? `it is compressed or encrypted${packings.length === 0 ? '' : ` (${packings.join(', ')})`}, and one byte changes all behind it`
    : 'the two images have little in common'
  return {
    share,
    density,
    container: null,
    text: `${why}. ${isDense ? HOW : 'Hold against the release before it.'}`,
  }
}

/** Null where neither image is one. */
function onContainers({ old, now }: Containers): Pick<Advice, 'container' | 'text'> | null {
  const container = now ?? old
  if (container === null) return null
  const told = (one: Container, subject: string) => containerAdvice(one, subject, 'patch')
  if (old === now) return { container, text: told(container, 'both images are') }
  const texts = [
    ...(old === null ? [] : [told(old, 'the old image is')]),
    ...(now === null ? [] : [told(now, 'the new image is')]),
  ]
  return { container, text: texts.join('; ') }
}

const HOW =
  'Build it uncompressed: a file system as erofs without -z or as ext4, a kernel as Image and not Image.gz or zboot. ' +
  'A patch from nothing compresses it on the way. What is to be encrypted is diffed in the clear, and the patch encrypted.'
