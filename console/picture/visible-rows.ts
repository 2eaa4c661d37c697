/** Which rows of a long list are drawn: those that are seen, and a few beyond both ends. `to` is exclusive. */
export type VisibleRows = { readonly from: number; readonly to: number }

const BEYOND = 8

export function visibleRows(count: number, rowHeight: number, scrolled: number, height: number): VisibleRows {
  const first = Math.floor(Math.max(0, scrolled) / rowHeight)
  const from = Math.max(0, Math.min(count, first) - BEYOND)
  return { from, to: Math.min(count, first + Math.ceil(height / rowHeight) + BEYOND) }
}
