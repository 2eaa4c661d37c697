import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { ConsoleFleet } from './fleet.ts'

/** When a page painted, in milliseconds since its navigation began: anything at all, and what it is opened for. */
export type Painted = { readonly first: number; readonly whole: number }

/** Notes the first frame in which something of that selector is on the page. */
const noting = (selector: string): string => `
  const look = () => {
    if (document.querySelector(${JSON.stringify(selector)}) === null) return void requestAnimationFrame(look)
    // The frame that shows it ends before the next one begins.
    requestAnimationFrame(now => window.voltsealTell(now))
  }
  window.voltsealWhole = new Promise(tell => { window.voltsealTell = tell })
  requestAnimationFrame(look)`

/** A browser that somebody has signed in with: what its later windows share is the session. */
export async function signedIn(browser: Browser, { origin, watcher }: ConsoleFleet): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  const page = await context.newPage()
  await page.goto(`${origin}/sign-in`)
  await page.getByLabel('Account').fill(watcher.id)
  await page.getByLabel('Password', { exact: true }).fill(watcher.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('navigation', { name: 'Screens' }).waitFor()
  await page.close()
  return context
}

/** Opens an address in a window that has nothing cached, and tells when it was painted. */
export async function paint(context: BrowserContext, url: string, selector: string): Promise<Painted> {
  const page = await context.newPage()
  try {
    const session = await context.newCDPSession(page)
    await session.send('Network.enable')
    await session.send('Network.setCacheDisabled', { cacheDisabled: true })
    await page.addInitScript(noting(selector))
    await page.goto(url)
    const whole = (await page.evaluate('window.voltsealWhole')) as number
    // It is told a little behind the frame itself.
    const first = await page.evaluate(`new Promise(done => {
      new PerformanceObserver(list => {
        for (const { name, startTime } of list.getEntries()) if (name === 'first-contentful-paint') done(startTime)
      }).observe({ type: 'paint', buffered: true })
    })`)
    return { first: first as number, whole }
  } finally {
    await page.close()
  }
}

/** Milliseconds between frames, and the long animation frames of the same while (Long Animation Frames API). */
export type Frames = { readonly gaps: readonly number[]; readonly long: readonly number[] }

/** One event of a trace, as far as it is looked at (Trace Event Format). Times are in microseconds. */
type Traced = {
  readonly ph: string
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly dur?: number
  readonly args?: { readonly name?: string }
}

/**
 * The longest task of a page's main thread while something goes on, in milliseconds: what the page itself keeps from being drawn. A frame
 * that is late without one was kept by the machine.
 */
export async function longestTask<T>(
  browser: Browser,
  page: Page,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly longest: number }> {
  await browser.startTracing(page, { categories: ['toplevel'] })
  const result = await work()
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { readonly traceEvents: readonly Traced[] }
  const threadOf = ({ pid, tid }: Traced): string => `${pid} ${tid}`
  const mains = new Set(
    trace.traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(threadOf),
  )
  const tasks = trace.traceEvents.filter(
    one => one.ph === 'X' && /(?:^|::)RunTask$/.test(one.name) && mains.has(threadOf(one)),
  )
  const spent = new Map<string, number>()
  for (const one of tasks) spent.set(threadOf(one), (spent.get(threadOf(one)) ?? 0) + (one.dur ?? 0))
  // There are others of the browser's own: the page's works the most.
  const [own] = [...spent].sort(([, a], [, b]) => b - a)[0] ?? []
  const longest = Math.max(0, ...tasks.filter(one => threadOf(one) === own).map(({ dur = 0 }) => dur))
  return { result, longest: longest / 1000 }
}

/** Watches the frames of a page for so long. */
export async function framesOf(page: Page, millis: number): Promise<Frames> {
  return (await page.evaluate(`new Promise(done => {
    const gaps = [], long = []
    const observer = new PerformanceObserver(list => { for (const entry of list.getEntries()) long.push(entry.duration) })
    observer.observe({ type: 'long-animation-frame' })
    let last = null
    const end = performance.now() + ${millis}
    const frame = now => {
      if (last !== null) gaps.push(now - last)
      last = now
      if (now < end) return void requestAnimationFrame(frame)
      observer.disconnect()
      done({ gaps, long })
    }
    requestAnimationFrame(frame)
  })`)) as Frames
}
