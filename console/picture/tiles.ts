/** A tile of the map: where it lies and how large it is, in the map's own units. */
export type Tile<T> = {
  readonly of: T
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * Regions as tiles whose areas are their sites: a squarified treemap (Bruls, Huizing and van Wijk, 2000). Regions have no coordinates and
 * the console asks no tile server: each keeps its place, since they are laid out in the order in which they come. A region without
 * sites has no tile. `least`: no tile is counted as less than this share of the largest one, so that each can be hit and read.
 */
export function tilesOf<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  { width, height, least = 0.12 }: { readonly width: number; readonly height: number; readonly least?: number },
): readonly Tile<T>[] {
  const some = items.filter(item => sizeOf(item) > 0)
  const most = Math.max(0, ...some.map(sizeOf))
  const sized = some.map(of => ({ of, size: Math.max(sizeOf(of), most * least) }))
  const total = sized.reduce((sum, { size }) => sum + size, 0)
  const scaled = sized.map(({ of, size }) => ({ of, area: (size / total) * width * height }))
  const tiles: Tile<T>[] = []
  let [x, y, wide, high] = [0, 0, width, height]
  for (let from = 0; from < scaled.length; ) {
    const along = Math.min(wide, high)
    let to = from + 1
    // A row takes one more as long as its worst tile becomes no longer and thinner by it.
    while (to < scaled.length && worst(scaled.slice(from, to + 1), along) <= worst(scaled.slice(from, to), along))
      to += 1
    const row = scaled.slice(from, to)
    const depth = row.reduce((sum, { area }) => sum + area, 0) / along
    let at = 0
    for (const { of, area } of row) {
      const length = area / depth
      if (wide >= high) tiles.push({ of, x, y: y + at, width: depth, height: length })
      else tiles.push({ of, x: x + at, y, width: length, height: depth })
      at += length
    }
    if (wide >= high) [x, wide] = [x + depth, wide - depth]
    else [y, high] = [y + depth, high - depth]
    from = to
  }
  return tiles
}

/** The longest side of a row's tiles over their shortest one, at its worst. */
function worst(row: readonly { readonly area: number }[], along: number): number {
  const sum = row.reduce((all, { area }) => all + area, 0)
  const depth = sum / along
  return Math.max(...row.map(({ area }) => Math.max(depth / (area / depth), area / depth / depth)))
}
