/** What is to be looked at, the first of it first: a binary heap. `before` puts no two things on a par. */
export class Queue<Thing> {
  readonly #heap: Thing[] = []
  readonly #before: (a: Thing, b: Thing) => boolean

  constructor(before: (a: Thing, b: Thing) => boolean) {
    this.#before = before
  }

  add(thing: Thing): void {
    const heap = this.#heap
    let at = heap.push(thing) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.#before(heap[at]!, heap[above]!)) return
      this.#swap(at, above)
      at = above
    }
  }

  take(): Thing | null {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined) return null
    if (heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      const least = left + 1 < heap.length && this.#before(heap[left + 1]!, heap[left]!) ? left + 1 : left
      if (least >= heap.length || !this.#before(heap[least]!, heap[at]!)) return first
      this.#swap(at, least)
      at = least
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap
    ;[heap[a], heap[b]] = [heap[b]!, heap[a]!]
  }
}
