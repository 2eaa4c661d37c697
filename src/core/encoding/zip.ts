/**
 * Reads a ZIP file (PKWARE APPNOTE 6.3.10) that two readers cannot read differently. Files lie one behind the other from the first
 * byte on, their directory behind them, its end at the end of the file: no gaps, no comments, no second file of a name, no other
 * name or size before a file than in the directory, stored or deflated, below 4 GiB. Nothing is unpacked here.
 */

export type ZipLimits = {
  readonly bytes: number
  readonly files: number
  /** Of all files together, unpacked. */
  readonly unpacked: number
  /** How many bytes one packed byte may become, in files above `SMALL`. */
  readonly ratio: number
  readonly name: RegExp
}

/** A file as the directory tells of it. `packed`: its bytes as they lie there; deflated, unless it is `stored`. */
export type ZipMember = {
  readonly name: string
  readonly stored: boolean
  readonly size: number
  readonly packed: Uint8Array
}

/** Why a ZIP file is not read. `cut`: it begins as one, and its end is not there. */
export type ZipFault = {
  readonly why: 'cut' | 'malformed' | 'large'
  readonly expected: string
  readonly actual: string
}

/** Unpacks deflated bytes (RFC 1951) that must give `size` bytes; null when they give more, fewer, or are no such bytes. */
export type Inflate = (packed: Uint8Array, size: number) => Uint8Array | null

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const LOCAL_BYTES = 30
const CENTRAL_BYTES = 46
const END_BYTES = 22
/** How hard a packer tried, and that names are UTF-8: all that the flags may say. */
const FLAGS = 0x0806
/** Below it a ratio says nothing: a file of one line repeated is no bomb. */
const SMALL = 1 << 20

/** The files of a ZIP file, in their order. */
export function readZip(bytes: Uint8Array, limits: ZipLimits): ZipMember[] | ZipFault {
  if (bytes.length > limits.bytes) return large(`at most ${limits.bytes} bytes`, `${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = bytes.length - END_BYTES
  if (bytes.length < 4 || view.getUint32(0, true) !== LOCAL) return malformed('a ZIP file', 'another beginning')
  if (end < 0 || view.getUint32(end, true) !== END)
    return { why: 'cut', expected: 'the end of a ZIP file', actual: 'none' }
  const [disk, ofDisk, here, count] = [4, 6, 8, 10].map(at => view.getUint16(end + at, true)) as [number, ...number[]]
  const [length, start] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)]
  if (disk !== 0 || ofDisk !== 0 || here !== count || view.getUint16(end + 20, true) !== 0) {
    return malformed('one file without a comment', 'something else')
  }
  if (start + length !== end) return malformed('a directory up to the end', `one of ${length} bytes at ${start}`)
  if ((count as number) > limits.files) return large(`at most ${limits.files} files`, `${count}`)
  return members(bytes, view, { start, end, count: count as number }, limits)
}

type Directory = { readonly start: number; readonly end: number; readonly count: number }

function members(
  bytes: Uint8Array,
  view: DataView,
  { start, end, count }: Directory,
  limits: ZipLimits,
): ZipMember[] | ZipFault {
  const found = new Map<string, ZipMember>()
  let [at, place, unpacked] = [start, 0, 0]
  for (let file = 0; file < count; file += 1) {
    if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL)
      return malformed('a file in the directory', 'none')
    const size = view.getUint32(at + 24, true)
    const read = member(bytes, view, at, place, start)
    if ('why' in read) return read
    const { name, packed } = read.member
    if (!limits.name.test(name)) return malformed('a name that a file here may have', JSON.stringify(name.slice(0, 60)))
    if (found.has(name)) return malformed('each name once', name)
    unpacked += size
    if (unpacked > limits.unpacked) return large(`at most ${limits.unpacked} bytes unpacked`, `${unpacked}`)
    if (size > SMALL && size > packed.length * limits.ratio)
      return large(`at most ${limits.ratio} times the bytes`, name)
    found.set(name, read.member)
    at = read.at
    place = read.place
  }
  if (at !== end) return malformed(`${count} files in the directory`, 'more')
  return place === start ? [...found.values()] : malformed('files up to the directory', 'a gap before it')
}

/** The file whose line in the directory is at `at`, and which must begin at `place`. */
function member(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  place: number,
  limit: number,
): { member: ZipMember; at: number; place: number } | ZipFault {
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)]
  const [packed, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)]
  const [nameBytes, extra, comment, disk] = [28, 30, 32, 34].map(by => view.getUint16(at + by, true)) as [
    number,
    ...number[],
  ]
  const name = textOf(bytes, at + CENTRAL_BYTES, nameBytes)
  const next = at + CENTRAL_BYTES + nameBytes
  if ((flags & ~FLAGS) !== 0 || (method !== 0 && method !== 8))
    return malformed('files stored or deflated', 'another way')
  if (extra !== 0 || comment !== 0 || disk !== 0) return malformed('files without extra fields', name)
  if (next > bytes.length || view.getUint32(at + 42, true) !== place) return malformed('files without gaps', name)
  const content = place + LOCAL_BYTES + nameBytes
  if (content + packed > limit) return { why: 'cut', expected: `${packed} bytes of ${name}`, actual: 'the directory' }
  // From "version needed" to the length of the name the two lines say the same, byte for byte.
  for (let byte = 0; byte < LOCAL_BYTES - 4 - 2; byte += 1) {
    if (bytes[place + 4 + byte] !== bytes[at + 6 + byte])
      return malformed('the same before a file as in the directory', name)
  }
  const same = view.getUint32(place, true) === LOCAL && view.getUint16(place + 28, true) === 0
  if (!same || textOf(bytes, place + LOCAL_BYTES, nameBytes) !== name)
    return malformed('the same name before a file', name)
  const stored = method === 0
  if (stored && packed !== size) return malformed('a stored file as long as it is', name)
  const end = content + packed
  return { member: { name, stored, size, packed: bytes.subarray(content, end) }, at: next, place: end }
}

/** A member's bytes; null when they are not as long as the directory says, or no deflated bytes. */
export function unpack({ stored, size, packed }: ZipMember, inflate: Inflate): Uint8Array | null {
  const bytes = stored ? packed : inflate(packed, size)
  return bytes?.length === size ? bytes : null
}

/** Names are read as Latin text: what is not plain ASCII fits no name that is taken. */
const textOf = (bytes: Uint8Array, from: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(from, from + length))

const malformed = (expected: string, actual: string): ZipFault => ({ why: 'malformed', expected, actual })
const large = (expected: string, actual: string): ZipFault => ({ why: 'large', expected, actual })
