import { AsyncLocalStorage } from 'node:async_hooks'
import type { TestContext } from 'node:test'

/**
 * How many timers are under way that a test has set itself, or what it began: other tests of the same process have timers of
 * their own, which end when they like. Until the test is over.
 */
export function ownTimers(t: TestContext): () => number {
  const own = new Set<NodeJS.Timeout>()
  const scope = new AsyncLocalStorage<true>()
  const [set, clear] = [globalThis.setTimeout, globalThis.clearTimeout]
  t.mock.method(globalThis, 'setTimeout', (work: (...args: unknown[]) => void, millis?: number, ...args: unknown[]) => {
    const isOwn = scope.getStore() === true
    const timer = set(() => {
      own.delete(timer)
      work(...args)
    }, millis)
    if (isOwn) own.add(timer)
    return timer
  })
  t.mock.method(globalThis, 'clearTimeout', (timer?: NodeJS.Timeout) => {
    if (timer !== undefined) own.delete(timer)
    clear(timer)
  })
  scope.enterWith(true)
  return () => own.size
}
