import { createHash, type KeyObject, verify } from 'node:crypto'

/**
 * What a boot loader makes of a slot, written from the documentation of MCUboot (docs/design.md, image.h) and from nothing of
 * ours: offsets as numbers, hashing and signatures by OpenSSL. It walks the TLVs as a boot loader does, in their order: a key's
 * hash chooses the key for the signature behind it.
 */

export type Verdict =
  | {
      readonly boots: true
      readonly version: string
      readonly counter: number | null
      readonly needs: readonly string[]
      /** Bytes from the start of the slot to the end of the image. */
      readonly length: number
    }
  | { readonly boots: false; readonly why: string }

const no = (why: string): Verdict => ({ boots: false, why })

export function bootLoader(slot: Uint8Array, key: KeyObject, floor = 0): Verdict {
  const bytes = Buffer.from(slot)
  const spki = key.export({ type: 'spki', format: 'der' })
  if (bytes.length < 32 || bytes.readUInt32LE(0) !== 0x96f3b83d) return no('magic')
  const headerBytes = bytes.readUInt16LE(8)
  const protectedBytes = bytes.readUInt16LE(10)
  const imageBytes = bytes.readUInt32LE(12)
  const flags = bytes.readUInt32LE(16)
  if (flags !== 0) return no('flags')
  const version = `${bytes[20]}.${bytes[21]}.${bytes.readUInt16LE(22)}+${bytes.readUInt32LE(24)}`
  const hashedBytes = headerBytes + imageBytes + protectedBytes
  if (hashedBytes + 4 > bytes.length) return no('size')
  const hash = createHash('sha256').update(bytes.subarray(0, hashedBytes)).digest()
  if (protectedBytes > 0 && bytes.readUInt16LE(headerBytes + imageBytes) !== 0x6908) return no('protected area')
  if (protectedBytes > 0 && bytes.readUInt16LE(headerBytes + imageBytes + 2) !== protectedBytes)
    return no('protected size')
  if (bytes.readUInt16LE(hashedBytes) !== 0x6907) return no('area')
  const end = hashedBytes + bytes.readUInt16LE(hashedBytes + 2)
  let [hashHolds, signed, chosen] = [false, false, false]
  let counter: number | null = null
  const needs: string[] = []
  let at = protectedBytes > 0 ? headerBytes + imageBytes + 4 : hashedBytes + 4
  while (at < end) {
    // Behind the protected ones come the others, with a head of their own.
    if (protectedBytes > 0 && at === hashedBytes) at += 4
    const type = bytes.readUInt16LE(at)
    const length = bytes.readUInt16LE(at + 2)
    const value = bytes.subarray(at + 4, at + 4 + length)
    const isProtected = at < hashedBytes
    if (type === 0x10) hashHolds = value.equals(hash)
    if (type === 0x01) chosen = value.equals(createHash('sha256').update(spki).digest())
    // A boot loader verifies over the digest; over the bytes with SHA-256 it is the same.
    if (type === 0x22 && chosen) signed = verify('sha256', bytes.subarray(0, hashedBytes), key, value)
    if (type === 0x50 && isProtected) counter = value.readUInt32LE(0)
    if (type === 0x40 && isProtected) {
      needs.push(`${value[0]}: ${value[4]}.${value[5]}.${value.readUInt16LE(6)}+${value.readUInt32LE(8)}`)
    }
    at += 4 + length
  }
  if (at !== end) return no('TLVs')
  if (!hashHolds) return no('hash')
  if (!signed) return no('signature')
  if (counter !== null && counter < floor) return no('floor')
  return { boots: true, version, counter, needs, length: end }
}

/** What the trailer of a slot has a boot loader do at the next start, for flags of so many bytes (BOOT_MAX_ALIGN). */
export function swapType(slot: Uint8Array, align: number): 'test' | 'permanent' | 'none' | 'bad magic' {
  const bytes = Buffer.from(slot)
  const mark = bytes.subarray(-16)
  const wanted =
    align === 8
      ? '77c295f360d2ef7f3552500f2cb67980'
      : `${Buffer.from([align & 0xff, align >> 8]).toString('hex')}2de15d29410b8d77679c110f1f8a`
  if (mark.every(byte => byte === 0xff)) return 'none'
  if (mark.toString('hex') !== wanted) return 'bad magic'
  const imageOk = Math.floor((bytes.length - 16 - align) / align) * align
  return bytes[imageOk] === 0x01 ? 'permanent' : 'test'
}
