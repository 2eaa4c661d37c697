import { concat, utf8 } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'

/**
 * The chain of a gateway's own log. Each item has a number, and a head over everything up to it, so that whoever signs a
 * head has said everything before it: an item that is left out, changed, moved or told anew gives another head.
 */

type Hash = Pick<Crypto, 'sha256'>

/** An item of a gateway's log: its number, what it is, its bytes. */
export type ChainItem = { readonly sequence: number; readonly kind: string; readonly bytes: Uint8Array }

const HEAD_BYTES = 32
const DOMAIN = utf8('voltseal site log 1\n')

/** The head of a log of no items. */
export const firstHead = (): Uint8Array => new Uint8Array(HEAD_BYTES)

/** What an item goes into the chain as: SHA-256 over its kind, a zero byte, and its bytes. */
export function itemDigest(hash: Hash, kind: string, bytes: Uint8Array): Uint8Array {
  return hash.sha256(concat(utf8(`${kind}\0`), bytes))
}

/** The head behind an item: SHA-256 over the head before it, its number in eight bytes, and its digest. */
export function nextHead(hash: Hash, before: Uint8Array, sequence: number, digest: Uint8Array): Uint8Array {
  const place = new Uint8Array(8)
  new DataView(place.buffer).setBigUint64(0, BigInt(sequence))
  return hash.sha256(concat(DOMAIN, before, place, digest))
}

/** The head behind a row of items. */
export function headBehind(hash: Hash, before: Uint8Array, items: Iterable<ChainItem>): Uint8Array {
  let head = before
  for (const { sequence, kind, bytes } of items) head = nextHead(hash, head, sequence, itemDigest(hash, kind, bytes))
  return head
}
