import { InvalidArgumentError } from 'commander'

/** Readers of command-line arguments. What they cannot read is a usage error; whether it makes sense is the core's. */

/** A whole number in decimal digits. */
export function whole(text: string): number {
  const value = Number(text)
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a whole number, such as 7.')
  return value
}

/** An address in hexadecimal digits: `0x08008000`. */
export function address(text: string): number {
  if (!/^0x[0-9a-f]{1,8}$/i.test(text)) throw new InvalidArgumentError('Expected an address, such as 0x08008000.')
  return Number(text)
}

/** One of a list of words. */
export const oneOf =
  <T extends string>(words: readonly T[]) =>
  (text: string): T => {
    const word = words.find(candidate => candidate === text)
    if (word === undefined) throw new InvalidArgumentError(`Expected ${words.join(', ')}.`)
    return word
  }

/** Some of a list of words, with commas. */
export const eachOf =
  <T extends string>(words: readonly T[]) =>
  (text: string): readonly T[] =>
    text.split(',').map(word => oneOf(words)(word.trim()))

/** Words from a repeated option, each of which may hold several with commas: `--hardware r1,r2 --hardware r3`. */
export function words(text: string, before: readonly string[] = []): readonly string[] {
  const more = text.split(',').map(word => word.trim())
  if (more.some(word => word === '')) throw new InvalidArgumentError('Expected names with commas between them.')
  return [...before, ...more]
}

/** Texts from a repeated option, as they are. */
export const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text]

/** A name and a file, repeated: `afe=afe.bin`. */
export function namedFiles(
  text: string,
  before: readonly { name: string; file: string }[] = [],
): readonly { name: string; file: string }[] {
  const [, name, file] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || file === undefined)
    throw new InvalidArgumentError('Expected NAME=FILE, such as afe=afe.bin.')
  return [...before, { name, file }]
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration in milliseconds: `500ms`, `90s`, `15min`, `2h`, `1d`. */
export function duration(text: string): number {
  const [, count, unit] = /^(\d{1,9})(ms|s|min|h|d)$/.exec(text) ?? []
  const factor = UNITS[unit ?? '']
  if (count === undefined || factor === undefined) {
    throw new InvalidArgumentError('Expected a number with its unit (ms, s, min, h, d), such as 90s.')
  }
  return Number(count) * factor
}

/** A range of whole numbers, both ends included: `3-7`, or `3` for exactly that. */
export function range(text: string): { min: number; max: number } {
  const [, min, max] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(text) ?? []
  if (min === undefined) throw new InvalidArgumentError('Expected a range of whole numbers, such as 3-7.')
  return { min: Number(min), max: Number(max ?? min) }
}

/** Class and versions of a neighbour: `pcs@1.2.0` for 1.2.0 and newer, `pcs@1.2.0..2.0.0` for those below 2.0.0. */
export function neighbours(text: string, before: readonly object[] = []): readonly object[] {
  const [, name, min, below] = /^([^@]+)@([^@]+?)(?:\.\.([^@.][^@]*))?$/.exec(text) ?? []
  if (name === undefined || min === undefined) {
    throw new InvalidArgumentError('Expected CLASS@MIN or CLASS@MIN..BELOW, such as pcs@1.2.0..2.0.0.')
  }
  return [...before, below === undefined ? { class: name, min } : { class: name, min, below }]
}

/** Other images of a device, by number, and the version that each has at least: `1@2.0.0`. */
export function images(
  text: string,
  before: readonly { image: number; atLeast: string }[] = [],
): readonly { image: number; atLeast: string }[] {
  const [, image, atLeast] = /^(\d{1,2})@(\d+\.\d+\.\d+)$/.exec(text) ?? []
  if (image === undefined || atLeast === undefined) {
    throw new InvalidArgumentError('Expected IMAGE@VERSION, such as 1@2.0.0.')
  }
  return [...before, { image: Number(image), atLeast }]
}

/** A number of bytes: `512KiB`, `32MiB`, `1GiB`, or digits alone. */
export function size(text: string): number {
  const [, count, unit = ''] = /^(\d{1,10})(KiB|MiB|GiB)?$/.exec(text) ?? []
  if (count === undefined) throw new InvalidArgumentError('Expected a number of bytes, such as 32MiB.')
  return Number(count) * 1024 ** ['', 'KiB', 'MiB', 'GiB'].indexOf(unit)
}

/** A duration as `duration` reads it, in the largest unit that it is whole in. */
export function durationText(millis: number): string {
  const [unit, factor] = Object.entries(UNITS).findLast(([, one]) => millis % one === 0) as [string, number]
  return `${millis / factor}${unit}`
}

/** A number of bytes as `size` reads it, in the largest unit that it is whole in. */
export function sizeText(bytes: number): string {
  const power = [3, 2, 1].find(one => bytes > 0 && bytes % 1024 ** one === 0) ?? 0
  return `${bytes / 1024 ** power}${['', 'KiB', 'MiB', 'GiB'][power]}`
}
