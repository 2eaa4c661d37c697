/**
 * Forms in which firmware is handed to programmers: not the bytes that stand in flash, but those among others that say where they belong. ELF is
 * none of them here: a gateway's Linux holds it as it is, for itself and for the cores that it starts.
 */
export const CONTAINERS = ['intel-hex', 's-record', 'uf2', 'dfuse', 'dfu'] as const
export type Container = (typeof CONTAINERS)[number]

/** Which container an image is, by its first records or block, or by its suffix; null where it is none. Never looks at more of it than that. */
export function containerOf(image: Uint8Array): Container | null {
  return CONTAINERS.find(container => IS[container](image)) ?? null
}

/** Records that are looked at. */
const RECORDS = 4
/** Bytes that these take at most, each of up to 521 digits, with their ends of lines. */
const RECORDS_BYTES = 2560

const IS: { readonly [Name in Container]: (image: Uint8Array) => boolean } = {
  'intel-hex': image => areRecords(image, isIntelRecord),
  's-record': image => areRecords(image, isMotorolaRecord),
  uf2: isUf2,
  dfuse: image => DFUSE.every((byte, at) => image[at] === byte),
  dfu: isDfu,
}

/** A text that begins as a record may be anything: all of the first records are one, to their checksums. */
function areRecords(image: Uint8Array, isRecord: (line: string) => boolean): boolean {
  const lines = String.fromCharCode(...image.subarray(0, RECORDS_BYTES)).split(/[\r\n]+/)
  const records = lines.filter(line => line !== '').slice(0, RECORDS)
  return records.length > 0 && records.every(isRecord)
}

/** Bytes of data by the type of a record: of data (0) any number (Intel, Hexadecimal Object File Format Specification, revision A). */
const INTEL_DATA = [null, 0, 2, 4, 2, 4]

/** Length, address, type, data and checksum: together 0. */
function isIntelRecord(line: string): boolean {
  const digits = /^:((?:[\dA-Fa-f]{2}){5,260})$/.exec(line)?.[1]
  if (digits === undefined) return false
  const bytes = Uint8Array.fromHex(digits)
  const expected = INTEL_DATA[bytes[3]!]
  if (expected === undefined || (expected !== null && bytes[0] !== expected)) return false
  return bytes.length === bytes[0]! + 5 && sum(bytes) === 0
}

/** Bytes of the address by the type of a record; there is none of type 4. */
const MOTOROLA_ADDRESS = [2, 2, 3, 4, null, 2, 3, 4, 3, 2]

/** Length of what follows, address, data and the complement of their sum: together 255. */
function isMotorolaRecord(line: string): boolean {
  const [, type, digits] = /^S(\d)((?:[\dA-Fa-f]{2}){4,256})$/.exec(line) ?? []
  const address = type === undefined ? null : MOTOROLA_ADDRESS[Number(type)]!
  if (address === null || digits === undefined) return false
  const bytes = Uint8Array.fromHex(digits)
  return bytes[0] === bytes.length - 1 && bytes[0] > address && sum(bytes) === 255
}

const sum = (bytes: Uint8Array): number => bytes.reduce((all, byte) => (all + byte) & 255, 0)

const UF2_BLOCK = 512
/** Numbers that each block has, and where (microsoft/uf2, README, File format). */
const UF2_MAGIC = [
  [0, 0x0a32_4655],
  [4, 0x9e5d_5157],
  [508, 0x0ab1_6f30],
] as const

function isUf2(image: Uint8Array): boolean {
  if (image.length < UF2_BLOCK) return false
  const block = new DataView(image.buffer, image.byteOffset, UF2_BLOCK)
  return UF2_MAGIC.every(([at, magic]) => block.getUint32(at, true) === magic)
}

/** `DfuSe` and the version of the format (ST UM0391, DFU prefix). */
const DFUSE = [0x44, 0x66, 0x75, 0x53, 0x65, 1]

const DFU_SUFFIX = 16

/** What is at the end is read from there: checksum, length of the suffix, `DFU`, version 1.something (USB DFU 1.1, appendix B). */
function isDfu(image: Uint8Array): boolean {
  if (image.length <= DFU_SUFFIX) return false
  const [, version, u, f, d, length] = image.subarray(-10, -4)
  return version === 1 && u === 0x55 && f === 0x46 && d === 0x44 && length! >= DFU_SUFFIX
}

/** What is made of images. */
export type Purpose = 'patch' | 'release'

type About = { readonly what: string; readonly make: string; readonly so: { readonly [Use in Purpose]: string } }

const NOT_THE_BYTES = {
  patch: 'this patch fits none, and is many times larger than one between those',
  release: 'no controller starts what is installed from it',
}

const ABOUT: { readonly [Name in Container]: About } = {
  'intel-hex': {
    what: 'Intel HEX, text that stands for bytes',
    make: 'objcopy -I ihex -O binary --gap-fill 0xff image.hex image.bin',
    so: NOT_THE_BYTES,
  },
  's-record': {
    what: 'Motorola S-records, text that stands for bytes',
    make: 'objcopy -I srec -O binary --gap-fill 0xff image.srec image.bin',
    so: NOT_THE_BYTES,
  },
  uf2: {
    what: 'UF2, blocks that each say where in flash they belong',
    make: 'uf2conv.py image.uf2 --convert --output image.bin (github.com/microsoft/uf2), or take the .bin that it was made of',
    so: NOT_THE_BYTES,
  },
  dfuse: {
    what: 'DfuSe, parts that each say where in flash they belong',
    make: 'dfuse-pack --dump image.dfu (of dfu-util), or take the .bin that it was made of',
    so: { ...NOT_THE_BYTES, patch: 'this patch fits none' },
  },
  dfu: {
    what: 'a DFU file, with a suffix that programmers leave out',
    make: 'dfu-suffix --delete image.dfu (of dfu-util)',
    so: {
      patch: 'this patch does not fit one that a programmer wrote',
      release: 'its digest is not that of controllers that a programmer wrote it to',
    },
  },
}

/**
 * What to tell whoever makes something of a container: what it is, what comes of that, and how to make the image instead. `subject`: what is
 * one, with its verb, such as `bms.hex is`.
 */
export function containerAdvice(container: Container, subject: string, purpose: Purpose): string {
  const { what, make, so } = ABOUT[container]
  return `${subject} ${what}. A controller’s slot holds bare bytes, so that ${so[purpose]}. To make those: ${make}`
}
