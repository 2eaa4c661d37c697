import type { MarkKind } from './mark-kind.ts'
import type { Card } from './site-cards.ts'

/** What a controller is in the one-line schematic: a converter, a battery or what protects it, control, or a helper. */
export type NodeShape = 'gateway' | 'power' | 'protection' | 'control' | 'auxiliary'

export type SchematicNode = {
  readonly id: string
  readonly shape: NodeShape
  readonly kind: MarkKind
  readonly word: string
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
  /** Small ones have a mark and no name: there are too many. */
  readonly named: boolean
}

export type Schematic = {
  readonly width: number
  readonly height: number
  readonly nodes: readonly SchematicNode[]
  /** Lines as the points that they go through. */
  readonly lines: readonly string[]
}

const BOX = { w: 132, h: 32, gap: 8 }
const SMALL = { w: 20, h: 20, gap: 5 }
/** More than so many beside each other have no room for their names. */
const MOST_NAMED = 24
const BUS = 12
const INDENT = 28
const ROW = 14
/** How wide a letter of a name is, about. */
const LETTER = 7.4

/**
 * The one-line schematic of a site: the gateway, the bus, each converter with what is behind it, and what stands by itself.
 * `duties`: of each class. `width`: what there is room for, in pixels; a narrow page has what is behind a converter below it.
 */
export function schematicOf(
  cards: readonly Card[],
  gateway: string,
  duties: ReadonlyMap<string, string>,
  width: number,
): Schematic {
  const nodes: SchematicNode[] = []
  const lines: string[] = []
  const behind = Map.groupBy(cards, one => one.placed.behind ?? '')
  const known = new Set(cards.map(({ id }) => id))
  const roots = cards.filter(({ placed }) => placed.behind === null || !known.has(placed.behind))
  const below = (id: string, depth = 0): readonly Card[] =>
    depth > 32 ? [] : (behind.get(id) ?? []).flatMap(one => [one, ...below(one.id, depth + 1)])
  const node = (card: Card, x: number, y: number, size: typeof BOX, named: boolean): void => {
    const { id, kind, word, placed } = card
    nodes.push({
      id,
      kind,
      word,
      shape: shapeOf(duties.get(placed.class), placed.behind),
      x,
      y,
      w: size.w,
      h: size.h,
      named,
    })
  }
  /** Puts cards in rows from a place on; answers where it ends, below. */
  const grid = (some: readonly Card[], x: number, y: number): number => {
    const named = some.length <= MOST_NAMED
    const size = named ? BOX : SMALL
    const columns = Math.max(1, Math.floor((width - x + size.gap) / (size.w + size.gap)))
    for (const [index, card] of some.entries()) {
      const [column, row] = [index % columns, Math.floor(index / columns)]
      node(card, x + column * (size.w + size.gap), y + row * (size.h + size.gap), size, named)
    }
    const rows = Math.ceil(some.length / columns)
    const wide = Math.min(columns, some.length) * (size.w + size.gap) - size.gap
    for (let row = 0; row < rows; row += 1) {
      const middle = y + row * (size.h + size.gap) + size.h / 2
      const last = row === rows - 1 ? some.length - row * columns : columns
      const end = Math.min(wide, last * (size.w + size.gap) - size.gap - size.w)
      // One line through each row, drawn behind its boxes.
      lines.push(`${x - INDENT / 2},${middle} ${x + Math.max(0, end)},${middle}`)
    }
    const ends = y + rows * (size.h + size.gap) - size.gap
    lines.push(`${x - INDENT / 2},${y + size.h / 2} ${x - INDENT / 2},${ends - size.h / 2}`)
    return ends
  }

  const wide = Math.min(width, Math.max(BOX.w, 40 + gateway.length * LETTER))
  nodes.push({
    id: gateway,
    shape: 'gateway',
    kind: 'good',
    word: 'gateway',
    x: 0,
    y: 0,
    w: wide,
    h: BOX.h,
    named: true,
  })
  let y = BOX.h + ROW
  let bus = BOX.h
  const beside = width >= BOX.w * 2 + INDENT * 3
  const [carrying, alone] = [roots.filter(({ id }) => behind.has(id)), roots.filter(({ id }) => !behind.has(id))]
  for (const root of carrying) {
    node(root, INDENT, y, BOX, true)
    const middle = y + BOX.h / 2
    bus = middle
    lines.push(`${BUS},${middle} ${INDENT},${middle}`)
    const fans = below(root.id)
    if (beside) {
      const x = INDENT + BOX.w + INDENT
      lines.push(`${INDENT + BOX.w},${middle} ${x - INDENT / 2},${middle}`)
      const small = fans.length > MOST_NAMED
      const top = small ? middle - SMALL.h / 2 : y
      y = Math.max(y + BOX.h, grid(fans, x, top)) + ROW
    } else {
      const x = INDENT * 2
      lines.push(`${x - INDENT / 2},${y + BOX.h} ${x - INDENT / 2},${y + BOX.h + ROW}`)
      y = grid(fans, x, y + BOX.h + ROW) + ROW
    }
  }
  if (alone.length > 0) {
    const size = alone.length <= MOST_NAMED ? BOX : SMALL
    bus = y + size.h / 2
    lines.push(`${BUS},${bus} ${INDENT / 2},${bus}`)
    y = grid(alone, INDENT, y) + ROW
  }
  if (roots.length > 0) lines.push(`${BUS},${BOX.h} ${BUS},${bus}`)
  return { width, height: y, nodes, lines }
}

const SHAPES = new Set<string>(['power', 'protection', 'control', 'auxiliary'])

/** What carries power behind a converter is a battery, or what looks after one. */
function shapeOf(duty: string | undefined, behind: string | null): NodeShape {
  if (duty === undefined || !SHAPES.has(duty)) return 'control'
  return duty === 'power' && behind !== null ? 'protection' : (duty as NodeShape)
}
