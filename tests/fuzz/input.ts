import { utf8 } from '../../src/core/encoding/bytes.ts'
import { changeBytes, inflated, spliced } from './bytes.ts'
import { changeItem, encodeItem, growItem, type Item, itemOf, swellItem } from './cbor.ts'
import { Draw } from './draw.ts'
import { changeText, changeTree, growTree, type Node, type Spelling, spell, swellTree, treeOf } from './json.ts'

/** How the documents of a target are built: what a change of the structure changes. */
export type Form =
  | { readonly of: 'json'; readonly spelling: Spelling }
  | { readonly of: 'cbor' }
  | { readonly of: 'lines' }
  | { readonly of: 'fields'; readonly grow: (draw: Draw) => Uint8Array }

/**
 * A reader that is fuzzed. `read` answers in a word what came of the bytes (`taken`, or why not), and throws when a law is
 * broken. What it throws, and each bound of `run.ts` that it goes beyond, is a finding.
 */
export type Target = {
  readonly name: string
  readonly form: Form
  /** The most bytes that the reader takes: what is longer is refused before it is read. */
  readonly limit: number
  /** How many of the inputs are for this target, as against the others. */
  readonly share: number
  /** Documents that are taken. */
  readonly seeds: readonly Uint8Array[]
  /** Words that the format knows. */
  readonly words: readonly string[]
  readonly read: (bytes: Uint8Array) => string
}

/** The largest input that is made by repeating a part: large enough to show what grows faster than its input. */
const LARGE = 256 * 1024
/** What is larger is cut: changes of changes grow without end. */
const LARGEST = 512 * 1024

type Prepared = {
  readonly trees: readonly Node[]
  readonly items: readonly Item[]
  readonly words: readonly Uint8Array[]
  readonly names: readonly string[]
}
const prepared = new WeakMap<Target, Prepared>()

function prepare(target: Target): Prepared {
  const known = prepared.get(target)
  if (known !== undefined) return known
  const trees =
    target.form.of === 'json' ? target.seeds.map(seed => treeOf(JSON.parse(new TextDecoder().decode(seed)))) : []
  const items = target.form.of === 'cbor' ? target.seeds.flatMap(seed => itemOf(seed) ?? []) : []
  if (target.form.of === 'cbor' && items.length !== target.seeds.length)
    throw new Error(`${target.name}: a seed without a tree`)
  const words = [...target.words.map(word => utf8(word)), Uint8Array.of(0)]
  const made = { trees, items, words, names: [...new Set([...trees.flatMap(namesOf), 'x'])] }
  prepared.set(target, made)
  return made
}

function namesOf(node: Node): string[] {
  if (node.at === 'list') return node.items.flatMap(namesOf)
  if (node.at === 'object') return node.members.flatMap(([name, value]) => [name, ...namesOf(value)])
  return []
}

/** The input of a seed: the same for ever, whatever was tried before it. */
export function inputOf(target: Target, seed: number): Uint8Array {
  return drawn(target, new Draw(seed)).subarray(0, LARGEST)
}

function drawn(target: Target, draw: Draw): Uint8Array {
  const { words } = prepare(target)
  const base = draw.pick(target.seeds)
  const way = draw.below(1000)
  if (way < 380) return changeBytes(base, draw, words)
  if (way < 850) {
    const shaped = changedByForm(target, draw)
    return draw.chance(0.15) ? changeBytes(shaped, draw, words) : shaped
  }
  if (way < 900) return spliced(base, draw.pick(target.seeds), draw)
  if (way < 970) return grown(target, draw)
  if (way < 997) return changeBytes(draw.bytes(draw.from(0, 64)), draw, words)
  // At the limit and beyond it, where that is not too much to do often.
  const size = draw.chance(0.15) ? Math.min(target.limit + 1, LARGE) : Math.min(1024 << draw.below(9), target.limit)
  return draw.chance(0.25) ? inflated(base, size, draw) : (swollen(target, size, draw) ?? inflated(base, size, draw))
}

/** A document of about `size` bytes that is as well-formed as it was; null for a form that has no lists to swell. */
function swollen(target: Target, size: number, draw: Draw): Uint8Array | null {
  const { trees, items } = prepare(target)
  const { form } = target
  if (form.of === 'json') return spell(swellTree(draw.pick(trees), size, draw), draw, form.spelling)
  return form.of === 'cbor' ? encodeItem(swellItem(draw.pick(items), size, draw), draw) : null
}

function changedByForm(target: Target, draw: Draw): Uint8Array {
  const { trees, items, names } = prepare(target)
  const { form } = target
  if (form.of === 'json') {
    let tree = draw.pick(trees)
    for (let left = draw.few(); left > 0; left -= 1) tree = changeTree(tree, draw, names)
    return spell(tree, draw, form.spelling)
  }
  if (form.of === 'cbor') {
    let item = draw.pick(items)
    for (let left = draw.few(); left > 0; left -= 1) item = changeItem(item, draw)
    return encodeItem(item, draw)
  }
  return form.of === 'lines' ? changedLines(target, draw) : form.grow(draw)
}

function changedLines(target: Target, draw: Draw): Uint8Array {
  let lines = new TextDecoder().decode(draw.pick(target.seeds)).split('\n')
  for (let left = draw.few(); left > 0; left -= 1) {
    const at = draw.below(lines.length)
    const line = lines[at] ?? ''
    const way = draw.below(6)
    if (lines.length === 0) lines = [draw.pick(target.words)]
    else if (way === 0) lines = lines.toSpliced(at, 1)
    else if (way === 1)
      lines = lines.toSpliced(at, 0, ...Array.from({ length: draw.pick([1, 1, 2, 70, 1000]) }, () => line))
    else if (way === 2) lines = lines.toSpliced(at, 0, draw.pick(target.words))
    else if (way === 3) lines = lines.toReversed()
    else lines = lines.with(at, changeText(line, draw))
  }
  return utf8(lines.join('\n'))
}

function grown(target: Target, draw: Draw): Uint8Array {
  const { form } = target
  if (form.of === 'json') return spell(growTree(draw, prepare(target).names), draw, form.spelling)
  if (form.of === 'cbor') return encodeItem(growItem(draw), draw)
  if (form.of === 'fields') return form.grow(draw)
  return utf8(Array.from({ length: draw.from(0, 6) }, () => draw.pick(target.words)).join(draw.pick(['', '\n', ' '])))
}
