import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext } from 'playwright-core'
import { openBrowser } from '../../tests/walk/chromium.ts'
import { type Figure, median, plainLine, type Result, RUNS, type Run, ratioLine } from '../figure.ts'
import { type Frames, framesOf, longestTask, type Painted, paint, signedIn } from './browser.ts'
import { type ConsoleFleet, consoleFleet } from './fleet.ts'
import { Stations } from './stations.ts'

const SITES = { full: 10_000, tiny: 20 } as const
const EVENTS_PER_SECOND = { full: 200, tiny: 20 } as const
const WATCHED = { full: 20_000, tiny: 2_000 } as const
/** What is promised, in milliseconds. */
const PAINT = 1500
const FRAME = 100
/** What the Fleet screen shows once it has its data: the heatmap of versions. */
const DRAWN = 'main table, main svg[role="img"]'

/** Serves and opens what both figures need, once. */
async function withFleet<T>(
  run: Run,
  measure: (fleet: ConsoleFleet, context: BrowserContext, browser: Browser) => Promise<T>,
): Promise<T> {
  const fleet = await consoleFleet(SITES[run.scale], run.say)
  let browser: Browser | null = null
  try {
    browser = await openBrowser(fleet.address)
    return await measure(fleet, await signedIn(browser, fleet), browser)
  } finally {
    await browser?.close()
    await fleet.close()
  }
}

/** The first paint of the Fleet screen, against what is promised, and against a page of the same browser that shows a heading. */
export const fleetScreen: Figure = {
  name: 'fleet-screen',
  title: 'The Fleet screen of 10,000 sites, opened with nothing cached',
  against: 'what is promised (1,500 ms), and a page of one heading by a bare node:http server, in the same browser',
  run: run =>
    withFleet(run, async (fleet, context) => {
      const bare = await barePage(fleet.address)
      try {
        const url = `http://localhost:${(bare.address() as AddressInfo).port}/`
        const runs: { ours: Painted; bare: Painted }[] = []
        const cold = await paint(context, `${fleet.origin}/`, DRAWN)
        for (let n = 1; n <= RUNS[run.scale]; n += 1) {
          run.say(`opened ${n} times`)
          runs.push({ bare: await paint(context, url, 'h1'), ours: await paint(context, `${fleet.origin}/`, DRAWN) })
        }
        return painted(runs, cold)
      } finally {
        bare.close()
      }
    }),
}

function painted(runs: readonly { ours: Painted; bare: Painted }[], cold: Painted): Result {
  const promised = { bound: 'at most', ratio: 1 } as const
  const within = (of: (one: Painted) => number) => runs.map(({ ours }) => ({ measured: of(ours), yardstick: PAINT }))
  const beside = runs.map(({ ours, bare }) => ({ measured: ours.first, yardstick: bare.first }))
  const [first, whole] = [(one: Painted) => one.first, (one: Painted) => one.whole]
  const gap = median(runs.map(({ ours }) => ours.whole - ours.first))
  return {
    lines: [
      ratioLine('first contentful paint, within what is promised', 'ms', within(first), promised),
      ratioLine('the fleet’s data are drawn, within the same', 'ms', within(whole), promised),
      ratioLine('first contentful paint, against the bare page', 'ms', beside, null),
      plainLine('the data are drawn for the first reader of a server', 'ms', [cold.whole]),
    ],
    bounds: [
      `Between the first paint and the data lie ${gap.toFixed(0)} ms: who is signed in is asked first, then the screen’s file, then its views, which the server aggregates.`,
    ],
  }
}

/** Frames while 200 events a second arrive, against what is promised, and against the same page while nothing happens. */
export const liveFrames: Figure = {
  name: 'live-frames',
  title: 'The Fleet screen of 10,000 sites while 200 events happen each second',
  against: 'what is promised (100 ms), and the same page while nothing happens',
  run: run =>
    withFleet(run, async (fleet, context, browser) => {
      const page = await context.newPage()
      await page.goto(`${fleet.origin}/`)
      await page.locator(DRAWN).first().waitFor()
      run.say('nothing happens')
      const still = await framesOf(page, WATCHED[run.scale])
      const stations = await Stations.open(fleet, EVENTS_PER_SECOND[run.scale])
      stations.start()
      run.say(`${EVENTS_PER_SECOND[run.scale]} events each second`)
      const before = stations.sent
      const busy = await framesOf(page, WATCHED[run.scale])
      const happened = (stations.sent - before) / (WATCHED[run.scale] / 1000)
      run.say('the same once more, with a trace')
      const { longest } = await longestTask(browser, page, () => framesOf(page, WATCHED[run.scale]))
      await stations.stop()
      return framed(busy, still, happened, longest)
    }),
}

function framed(busy: Frames, still: Frames, happened: number, task: number): Result {
  const longest = (frames: Frames): number => Math.max(...frames.gaps)
  const work = Math.max(0, ...busy.long)
  const late = busy.gaps.filter(gap => gap > FRAME).length
  return {
    lines: [
      ratioLine('the longest time between two frames', 'ms', [{ measured: longest(busy), yardstick: FRAME }], {
        bound: 'at most',
        ratio: 1,
      }),
      ratioLine(
        'the same, against the page at rest',
        'ms',
        [{ measured: longest(busy), yardstick: longest(still) }],
        null,
      ),
      plainLine('the longest animation frame (0: none took 50 ms)', 'ms', [work]),
      ratioLine(
        'the longest task of the page’s main thread, within the same',
        'ms',
        [{ measured: task, yardstick: FRAME }],
        {
          bound: 'at most',
          ratio: 1,
        },
      ),
      plainLine('events that happened each second', '/s', [happened]),
    ],
    bounds: [
      `${late} of ${busy.gaps.length} frames came later than ${FRAME} ms. An event says which views are old, and each view is asked again at most once a second: what a frame costs is one view’s drawing, however many events there are. A frame that is later than the longest task was kept waiting by the machine: server, gateways and browser share it.`,
    ],
  }
}

function barePage(address: string): Promise<Server> {
  const page = '<!doctype html><html lang="en"><title>Bare</title><h1>Fleet</h1>'
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page)
  })
  return new Promise(resolve => server.listen(0, address, () => resolve(server)))
}
