import { aarch64 } from './references/aarch64.ts'
import { arm } from './references/arm.ts'
import { riscv } from './references/riscv.ts'
import { type Addressed, MARGIN, type Stretch } from './references/stretch.ts'
import { thumb } from './references/thumb.ts'
import { thumbNear } from './references/thumb-near.ts'
import { words } from './references/words.ts'

/** What the references of an image are written in. `none`: bytes are taken as they are. */
export const ARCHITECTURES = ['none', 'cortex-m', 'aarch64', 'riscv', 'arm'] as const
export type Architecture = (typeof ARCHITECTURES)[number]

/**
 * Kinds of bytes: 0 is any other; then the bytes of a branch; of a word that points into the image; and, of a Cortex-M, of one that points to
 * memory, of others, of half an address in code.
 */
export const KINDS = 13

/**
 * What a moved stretch is expected to be: each reference in it points to where what it pointed to has moved. What a byte
 * belongs to depends on the few bytes around it alone, so that a stretch may be cut anywhere. Answers the bytes as they were.
 */
export function expected(architecture: Architecture, stretch: Stretch, image: Addressed): Uint8Array {
  stretch.kinds.fill(0)
  if (architecture === 'none') return stretch.bytes
  const original = stretch.bytes.slice()
  if (architecture === 'aarch64') aarch64(original, stretch, image)
  else if (architecture === 'arm') arm(original, stretch, image)
  else if (architecture === 'riscv') riscv(original, stretch, image)
  else {
    thumb(original, stretch, image)
    thumbNear(original, stretch, image)
    words(original, stretch, image)
  }
  return original
}

/** Where a stretch of the old image begins, how long it is, and how far it moves. */
type Part = { readonly at: number; readonly length: number; readonly by: number }

/** A stretch of an old image that is at hand, as it is expected to be. */
export function foreseen(
  architecture: Architecture,
  old: Uint8Array,
  { at, length, by }: Part,
  image: Addressed,
): Uint8Array {
  const bytes = new Uint8Array(length + 2 * MARGIN)
  const first = Math.max(0, at - MARGIN)
  bytes.set(old.subarray(first, at + length + MARGIN), first - (at - MARGIN))
  expected(architecture, { at, by, bytes, kinds: new Uint8Array(bytes.length) }, image)
  return bytes.subarray(MARGIN, MARGIN + length)
}

/** Bytes of an image that are rewritten at once. */
const PIECE = 4096

/** A whole old image as it is expected to be: each stretch as far from its place as the map says. */
export function expectedImage(architecture: Architecture, old: Uint8Array, image: Addressed): Uint8Array {
  const out = old.slice()
  for (let at = 0; at < old.length; ) {
    const by = image.map.to(at) - at
    const end = Math.min(image.map.until(at), at + PIECE, old.length)
    out.set(foreseen(architecture, old, { at, length: end - at, by }, image), at)
    at = end
  }
  return out
}
