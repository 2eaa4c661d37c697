/**
 * Tables of types that kernels and their modules carry (BTF; Linux, Documentation/bpf/btf.rst). Types name each other by number, and all
 * numbers change when one is put in or the order is another: nothing is alike then byte for byte, and everything is alike type by type.
 */
export type TypeTable = {
  /** Where each type begins, by its number, from 1; behind the last, where that ends. */
  readonly starts: readonly number[]
  /** What kind each is, and how many members it has: types of the same shape take as many bytes. */
  readonly shapes: readonly number[]
  /** What each is, whatever number it has: by its name, its members, and what it is made of. */
  readonly hashes: Int32Array
}

/** The bytes that a table begins with: its magic number, version 1, no flags. */
const HEAD = [0x9f, 0xeb, 1, 0] as const
const HEADER_BYTES = 24
const TYPE_BYTES = 12
/** Tables, and heads of what turns out to be none, at most. */
const MOST = 4096
/** Bytes of a name that tell it. */
const NAME_BYTES = 128
/** How far what a type is made of tells it: a pointer to a pointer to a structure is told by the name of that. */
const DEPTH = 3

/**
 * What stands behind the three words of each kind of type: the third word, words once, and words for each member. `n` is a name, `t`
 * a type, `v` a value, `o` an offset in a section, which means nothing.
 */
const LAYOUTS: readonly (readonly [third: string, once: string, each: string] | null)[] = [
  null,
  ['v', 'v', ''], // an integer
  ['t', '', ''],
  ['v', 'ttv', ''], // an array
  ['v', '', 'ntv'], // a structure, a union
  ['v', '', 'ntv'],
  ['v', '', 'nv'], // an enumeration
  ['v', '', ''],
  ...Array.from({ length: 5 }, () => ['t', '', ''] as const),
  ['t', '', 'nt'], // what a function takes
  ['t', 'v', ''],
  ['o', '', 'too'], // a section
  ['v', '', ''],
  ['t', 'v', ''],
  ['t', '', ''],
  ['v', '', 'nvv'], // an enumeration of 64 bits
]

/** The tables in an image, in order. */
export function typeTables(image: Uint8Array): TypeTable[] {
  const tables: TypeTable[] = []
  for (let at = 0, heads = 0; at + HEADER_BYTES <= image.length && heads < MOST; at += 1) {
    if (image[at] !== HEAD[0] || HEAD.some((byte, k) => image[at + k] !== byte)) continue
    heads += 1
    const table = read(image, at)
    if (table === null) continue
    tables.push(table)
    at = table.starts.at(-1)! - 1
  }
  return tables
}

function read(image: Uint8Array, at: number): TypeTable | null {
  const view = new DataView(image.buffer, image.byteOffset, image.length)
  const [header, typesAt, typesLength, namesAt, namesLength] = [4, 8, 12, 16, 20].map(from =>
    view.getUint32(at + from, true),
  ) as [number, number, number, number, number]
  const from = at + header + typesAt
  const end = from + typesLength
  const names = { from: at + header + namesAt, length: namesLength }
  if (header < HEADER_BYTES || typesLength < TYPE_BYTES) return null
  if (end > image.length || names.from + names.length > image.length) return null
  const starts = [from]
  const shapes = [0]
  const hashes = [0]
  /** The types that each is made of, one after the other, and where those of each begin. */
  const parts: number[] = []
  const partsFrom = [0]
  let word = from
  while (word + TYPE_BYTES <= end) {
    const shape = view.getUint32(word + 4, true)
    const layout = LAYOUTS[(shape >>> 24) & 31] ?? null
    if (layout === null) return null
    const words = `n-${layout[0]}${layout[1]}${layout[2].repeat(shape & 0xffff)}`
    if (word + 4 * words.length > end) return null
    starts.push(word)
    shapes.push(shape)
    partsFrom.push(parts.length)
    let hash = mixed(1, shape)
    for (let k = 0; k < words.length; k += 1) {
      const value = view.getUint32(word + 4 * k, true)
      if (words[k] === 'n') hash = mixed(hash, nameHash(image, names, value))
      else if (words[k] === 'v') hash = mixed(hash, value)
      else if (words[k] === 't') parts.push(value)
    }
    hashes.push(hash)
    word += 4 * words.length
  }
  // The first stands where the table begins; there is no type of number 0.
  starts[0] = from
  starts.push(word)
  partsFrom.push(parts.length)
  return word === end ? { starts, shapes, hashes: deepened(Int32Array.from(hashes), parts, partsFrom) } : null
}

function nameHash(
  image: Uint8Array,
  { from, length }: { readonly from: number; readonly length: number },
  at: number,
): number {
  // A module's names may stand in the table of its kernel.
  if (at >= length) return 0
  let hash = 1
  const end = Math.min(from + length, from + at + NAME_BYTES)
  for (let k = from + at; k < end && image[k] !== 0; k += 1) hash = mixed(hash, image[k]!)
  return hash
}

/** Hashes that tell types by what those are that they are made of, too. */
function deepened(hashes: Int32Array, parts: readonly number[], partsFrom: readonly number[]): Int32Array {
  let before = hashes
  for (let round = 0; round < DEPTH; round += 1) {
    const after = before.slice()
    for (let type = 1; type < after.length; type += 1) {
      for (let k = partsFrom[type]!; k < partsFrom[type + 1]!; k += 1)
        after[type] = mixed(after[type]!, before[parts[k]!] ?? -1)
    }
    before = after
  }
  return before
}

function mixed(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, 0x9e3779b1)
  return product ^ (product >>> 15)
}
