import { sameBytes } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { PatchApplier } from './apply.ts'
import { carryOut } from './carry-out.ts'
import { blocksOf, CHAIN_BYTES, memoryOf, type PatchHeader, parseBlock, parseHeader } from './patch.ts'

/**
 * The header of a whole patch whose blocks are those that it vouches for, one behind the other to the last byte. What they make is not
 * looked at. Refuses what `parseHeader` and `parseBlock` refuse.
 */
export function readPatch(crypto: Pick<Crypto, 'sha256'>, patch: Uint8Array, subject: string): PatchHeader | Refusal {
  const header = parseHeader(patch, subject)
  if (isRefusal(header)) return header
  let digest = header.first
  for (const bytes of blocksOf(patch)) {
    const block = parseBlock(crypto, bytes, { digest, longest: header.longest, subject })
    if (isRefusal(block)) return block
    digest = block.next
  }
  if (sameBytes(digest, new Uint8Array(CHAIN_BYTES))) return header
  return refuse('patch-malformed', subject, 'an end behind the last block', 'a cut one')
}

/** Whether a patch makes these very bytes of those: null, or why not. Takes the memory that the patch states, and the new image once more. */
export function refusePatch(
  crypto: Pick<Crypto, 'sha256'>,
  patch: Uint8Array,
  { old, now }: { readonly old: Uint8Array; readonly now: Uint8Array },
): null | Refusal {
  const header = parseHeader(patch, 'the patch')
  if (isRefusal(header)) return header
  const applier = PatchApplier.of(header, crypto, { memory: memoryOf(header), room: now.length })
  if (isRefusal(applier)) return applier
  let same = true
  const slots = {
    readOld: (at: number, length: number) => old.subarray(at, at + length),
    readNew: (at: number, length: number) => now.subarray(at, at + length),
    write: (at: number, bytes: Uint8Array) => {
      same &&= sameBytes(bytes, now.subarray(at, at + bytes.length))
      return null
    },
  }
  for (const block of blocksOf(patch)) {
    const fault = carryOut(applier.take(block), slots)
    if (fault !== null) return fault
  }
  if (same && applier.isWhole) return null
  return refuse('patch-target-differs', 'the patch', 'the image that it is for', 'another one')
}
