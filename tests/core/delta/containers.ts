import { concat } from '../../../src/core/encoding/bytes.ts'

/** Images as programmers are handed them. */

const digits = (bytes: Uint8Array): string => bytes.toHex().toUpperCase()
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const sum = (bytes: Uint8Array): number => bytes.reduce((all, byte) => all + byte, 0)

/** Bytes of an image in a record. */
const ROW = 16
const rows = (image: Uint8Array): [at: number, row: Uint8Array][] =>
  Array.from({ length: Math.ceil(image.length / ROW) }, (_, k) => [k * ROW, image.subarray(k * ROW, k * ROW + ROW)])

export function intelRecord(type: number, address: number, data: Uint8Array): string {
  const bytes = concat(Uint8Array.of(data.length, (address >> 8) & 255, address & 255, type), data)
  return `:${digits(bytes)}${digits(Uint8Array.of(-sum(bytes) & 255))}`
}

/** An image as Intel HEX, from 0x08000000 on. */
export function intelHex(image: Uint8Array, end = '\r\n'): Uint8Array {
  const upper = (at: number) => {
    const high = 0x0800 + (at >>> 16)
    return intelRecord(4, 0, Uint8Array.of(high >> 8, high & 255))
  }
  const lines = rows(image).flatMap(([at, row]) => [
    ...(at % 65_536 === 0 ? [upper(at)] : []),
    intelRecord(0, at & 0xffff, row),
  ])
  return ascii([...lines, intelRecord(1, 0, new Uint8Array(0)), ''].join(end))
}

/** `width`: bytes of the address. */
export function motorolaRecord(type: number, width: number, address: number, data: Uint8Array): string {
  const place = Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address).subarray(4 - width)
  const bytes = concat(Uint8Array.of(width + data.length + 1), place, data)
  return `S${type}${digits(bytes)}${digits(Uint8Array.of(~sum(bytes) & 255))}`
}

/** An image as Motorola S-records, from 0x08000000 on. */
export function sRecords(image: Uint8Array): Uint8Array {
  const head = motorolaRecord(0, 2, 0, ascii('image'))
  const lines = rows(image).map(([at, row]) => motorolaRecord(3, 4, 0x0800_0000 + at, row))
  return ascii([head, ...lines, motorolaRecord(7, 4, 0x0800_0000, new Uint8Array(0)), ''].join('\n'))
}

/** An image as UF2, 256 bytes in each block of 512. */
export function uf2(image: Uint8Array): Uint8Array {
  const count = Math.ceil(image.length / 256)
  const blocks = Array.from({ length: count }, (_, k) => {
    const block = new Uint8Array(512)
    const view = new DataView(block.buffer)
    const head = [0x0a324655, 0x9e5d5157, 0x2000, 0x0800_0000 + 256 * k, 256, k, count, 0x57755a57]
    for (const [at, word] of head.entries()) view.setUint32(4 * at, word, true)
    block.set(image.subarray(256 * k, 256 * k + 256), 32)
    view.setUint32(508, 0x0ab16f30, true)
    return block
  })
  return concat(...blocks)
}

/** An image with the suffix of USB DFU, but for its checksum. `version`: of DFU, 1.0 or 1.1a. */
export const dfu = (image: Uint8Array, version = 0x00): Uint8Array =>
  concat(
    image,
    Uint8Array.of(0xff, 0xff, 0x11, 0xdf, 0x83, 0x04, version, 1),
    ascii('UFD'),
    Uint8Array.of(16, 1, 2, 3, 4),
  )

/** An image as DfuSe: one part of one target. */
export function dfuSe(image: Uint8Array): Uint8Array {
  const words = (...of: number[]) => new Uint8Array(Uint32Array.from(of).buffer)
  const part = concat(words(0x0800_0000, image.length), image)
  const target = concat(ascii('Target'), new Uint8Array(1), words(0), new Uint8Array(255), words(part.length, 1), part)
  return dfu(concat(ascii('DfuSe'), Uint8Array.of(1), words(11 + target.length), Uint8Array.of(1), target), 0x1a)
}
