/** How many times as long as a look took its result is shared at least. */
const REST = 9

/**
 * A look at the whole fleet that costs much: those who ask while somebody looks share what they see, and so do those who ask
 * for nine times as long behind it. However many ask, it takes no more than a tenth of the server's time.
 */
export function shared<T>(look: () => Promise<T>): () => Promise<T> {
  let last: { readonly result: Promise<T>; until: number } | null = null
  return () => {
    if (last !== null && performance.now() < last.until) return last.result
    const begun = performance.now()
    const mine = { result: look(), until: Number.POSITIVE_INFINITY }
    last = mine
    const over = (rest: number) => (): void => {
      const now = performance.now()
      mine.until = now + (now - begun) * rest
    }
    // A look that failed is nobody's: the next one looks again.
    mine.result.then(over(REST), over(0))
    return mine.result
  }
}
