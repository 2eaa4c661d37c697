import { utf8 } from '../../src/core/encoding/bytes.ts'
import type { Draw } from './draw.ts'

/**
 * JSON by its structure: a tree that also holds what no reader should take, such as a name twice, and its text in the
 * many spellings of one thing.
 */
export type Node =
  | { readonly at: 'text'; readonly value: string }
  | { readonly at: 'raw'; readonly text: string }
  | { readonly at: 'list'; readonly items: readonly Node[] }
  | { readonly at: 'object'; readonly members: readonly (readonly [name: string, value: Node])[] }

/** The tree of a well-formed document. */
export function treeOf(value: unknown): Node {
  if (typeof value === 'string') return { at: 'text', value }
  if (Array.isArray(value)) return { at: 'list', items: value.map(treeOf) }
  if (typeof value === 'object' && value !== null) {
    return { at: 'object', members: Object.entries(value).map(([name, member]) => [name, treeOf(member)] as const) }
  }
  return { at: 'raw', text: JSON.stringify(value) }
}

const TEXTS = [
  '',
  'a',
  '0',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\n',
  '\u001b[2J',
  '\u202e',
  '\u2028',
  '\ufeff',
  '\ufffd',
  '😀',
  '\ud800',
  'é',
  'e\u0301',
  '../../x',
  'a/b',
  '%2e%2e',
  '9'.repeat(40),
  'f'.repeat(64),
  '1970-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '2026-02-30T00:00:00Z',
] as const
const RAW = [
  ...['0', '1', '-1', '-0', '01', '1.0', '1e3', '1e400', '-1e-400', '2147483648', '4294967296', '9007199254740991'],
  ...['9007199254740992', '9007199254740993', '99999999999999999999', 'null', 'true', 'false', 'NaN', 'undefined', ''],
] as const

const leaf = (draw: Draw): Node =>
  draw.chance(0.5)
    ? {
        at: 'text',
        value: draw.chance(0.9) ? draw.pick(TEXTS) : draw.pick(['x', '{', '\\', '"']).repeat(draw.from(1, 600)),
      }
    : { at: 'raw', text: draw.pick(RAW) }

/** A document so deep that a reader which goes down with it has no stack left. */
const abyss = (draw: Draw): Node => {
  const [open, close] = draw.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"":', '}]'],
  ] as const)
  const levels = draw.pick([500, 5000, 50_000])
  return { at: 'raw', text: `${open.repeat(levels)}0${draw.chance(0.7) ? close.repeat(levels) : ''}` }
}

function nest(node: Node, levels: number, draw: Draw): Node {
  let out = node
  for (let left = levels; left > 0; left -= 1) {
    out = draw.chance(0.5) ? { at: 'list', items: [out] } : { at: 'object', members: [['a', out]] }
  }
  return out
}

/** A tree out of nothing. */
export function growTree(draw: Draw, names: readonly string[], depth = 4): Node {
  if (depth === 0 || draw.chance(0.35)) return leaf(draw)
  const count = draw.from(0, 4)
  if (draw.chance(0.4))
    return { at: 'list', items: Array.from({ length: count }, () => growTree(draw, names, depth - 1)) }
  const name = (): string => (draw.chance(0.8) ? draw.pick(names) : draw.pick(TEXTS))
  return {
    at: 'object',
    members: Array.from({ length: count }, () => [name(), growTree(draw, names, depth - 1)] as const),
  }
}

/** One change somewhere in a tree: deeper in, the longer the way there is. */
export function changeTree(node: Node, draw: Draw, names: readonly string[]): Node {
  const inside = node.at === 'list' ? node.items.length : node.at === 'object' ? node.members.length : 0
  if (inside > 0 && draw.chance(0.75)) {
    const chosen = draw.below(inside)
    if (node.at === 'list') {
      return {
        at: 'list',
        items: node.items.map((item, index) => (index === chosen ? changeTree(item, draw, names) : item)),
      }
    }
    if (node.at === 'object') {
      const members = node.members.map(
        ([name, value], index) => [name, index === chosen ? changeTree(value, draw, names) : value] as const,
      )
      return { at: 'object', members }
    }
  }
  return changeHere(node, draw, names)
}

function changeHere(node: Node, draw: Draw, names: readonly string[]): Node {
  if (draw.chance(0.12)) return growTree(draw, names, 3)
  if (draw.chance(0.01)) return abyss(draw)
  if (draw.chance(0.08)) return nest(node, draw.pick([1, 2, 8, 30, 31, 32, 33, 200]), draw)
  if (node.at === 'list')
    return { at: 'list', items: changeItems(node.items, draw, () => growTree(draw, names, 2), isSmall) }
  if (node.at === 'object') {
    const fresh = (): readonly [string, Node] => [draw.pick(names), growTree(draw, names, 2)]
    const { members: own } = node
    // A name that is there already, with another value: of which two readers could take two.
    if (own.length > 0 && draw.chance(0.15)) return { at: 'object', members: [...own, [draw.pick(own)[0], leaf(draw)]] }
    const members = changeItems(own, draw, fresh, ([, value]) => isSmall(value))
    if (members.length === 0 || draw.chance(0.6)) return { at: 'object', members }
    const chosen = draw.below(members.length)
    const name = draw.chance(0.6) ? draw.pick(names) : draw.pick(TEXTS)
    return { at: 'object', members: members.map((member, index) => (index === chosen ? [name, member[1]] : member)) }
  }
  if (node.at === 'text' && draw.chance(0.6)) return { at: 'text', value: changeText(node.value, draw) }
  return leaf(draw)
}

/** Whether a tree may be repeated often: what was repeated often is not, or it would grow without end. */
function isSmall(node: Node): boolean {
  let left = 64
  const count = (one: Node): void => {
    left -= 1
    if (left < 0) return
    if (one.at === 'list') for (const item of one.items) if (left >= 0) count(item)
    if (one.at === 'object') for (const [, value] of one.members) if (left >= 0) count(value)
    if (one.at === 'raw' && one.text.length > 1000) left = -1
  }
  count(node)
  return left >= 0
}

/** A list with an item less, more, twice, in other places, or very often. */
function changeItems<T>(items: readonly T[], draw: Draw, fresh: () => T, isSmall: (one: T) => boolean): readonly T[] {
  if (items.length === 0) return [fresh()]
  const at = draw.below(items.length)
  const one = items[at] as T
  const way = draw.below(6)
  if (way === 0) return items.toSpliced(at, 1)
  if (way === 1) return [...items, one]
  if (way === 2) return items.toSpliced(at, 1, fresh())
  if (way === 3) return items.toReversed()
  if (way === 4) return [...items, ...Array.from({ length: isSmall(one) ? draw.pick([2, 9, 65, 257]) : 2 }, () => one)]
  return [...items, fresh()]
}

export function changeText(text: string, draw: Draw): string {
  const at = draw.below(text.length + 1)
  const way = draw.below(5)
  if (way === 0) return text.slice(0, at)
  if (way === 1) return `${text.slice(0, at)}${draw.pick(TEXTS)}${text.slice(at)}`
  if (way === 2) return text.slice(0, at) + text.slice(at + 1)
  if (way === 3) return text.toUpperCase()
  return `${text.slice(0, at)}${draw.pick(['0', 'f', 'g', ' ', '-', '.', '/', '+', '='])}${text.slice(at + 1)}`
}

/**
 * A list or an object somewhere in a tree with so many more of its own that the document comes to about `size` bytes: it is
 * as well-formed as it was, and shows what grows faster than the document.
 */
export function swellTree(node: Node, size: number, draw: Draw): Node {
  const inner = node.at === 'list' ? node.items : node.at === 'object' ? node.members.map(([, value]) => value) : []
  const deeper = inner.flatMap((one, index) => (one.at === 'list' || one.at === 'object' ? [index] : []))
  if (deeper.length > 0 && draw.chance(0.7)) {
    const chosen = draw.pick(deeper)
    const swollen = swellTree(inner[chosen] as Node, size, draw)
    if (node.at === 'list') return { at: 'list', items: node.items.with(chosen, swollen) }
    if (node.at === 'object') {
      return {
        at: 'object',
        members: node.members.with(chosen, [(node.members[chosen] as readonly [string, Node])[0], swollen]),
      }
    }
  }
  const one: Node = inner.length > 0 ? draw.pick(inner) : { at: 'raw', text: '1' }
  const times = Math.ceil(size / (write(one, draw, false, false).length + 8))
  const many = Array.from({ length: times }, (_, index) => [`n${index}`, one] as const)
  if (node.at === 'object') return { at: 'object', members: [...node.members, ...many] }
  return { at: 'list', items: [...(node.at === 'list' ? node.items : []), ...many.map(([, value]) => value)] }
}

/** How a tree is spelled: as canonical JSON would be, members in order; or in any of the ways that JSON leaves open. */
export type Spelling = 'canonical' | 'any'

export function spell(node: Node, draw: Draw, spelling: Spelling): Uint8Array {
  return utf8(write(node, draw, spelling === 'any' && draw.chance(0.3), spelling === 'canonical'))
}

function write(node: Node, draw: Draw, loose: boolean, sorted: boolean): string {
  const space = (): string => (loose && draw.chance(0.2) ? draw.pick([' ', '\n', '\t', '\r', '\v', '\u00a0']) : '')
  if (node.at === 'raw') return `${space()}${node.text}${space()}`
  if (node.at === 'text') return `${space()}${quote(node.value, draw, loose, sorted)}${space()}`
  if (node.at === 'list') {
    return `${space()}[${node.items.map(item => write(item, draw, loose, sorted)).join(',')}]${space()}`
  }
  const members = sorted ? node.members.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : node.members
  const texts = members.map(
    ([name, value]) => `${quote(name, draw, loose, sorted)}${space()}:${write(value, draw, loose, sorted)}`,
  )
  return `${space()}{${texts.join(loose && draw.chance(0.02) ? ',,' : ',')}}${space()}`
}

function quote(text: string, draw: Draw, loose: boolean, canonical: boolean): string {
  if (canonical) return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  if (!loose || draw.chance(0.7)) return JSON.stringify(text)
  const units = [...text].map(unit =>
    draw.chance(0.5) ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : JSON.stringify(unit).slice(1, -1),
  )
  return `"${units.join('')}"`
}
