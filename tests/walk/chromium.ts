import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** The system's own browser, driven over its DevTools protocol: nothing is downloaded. */

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome']

/** Where the system's Chromium is; null when there is none. */
export function chromiumPath(): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== '')
  const paths = PROGRAMS.flatMap(name => folders.map(folder => join(folder, name)))
  return paths.find(path => existsSync(path)) ?? null
}

/**
 * Starts the browser. `localhost` is the address that the fleet server of this walk listens on: each walk has its own, and
 * browsers count `http://localhost` as a secure context, which passkeys need. With a port it is so at that port alone.
 */
export async function openBrowser(address: string, port: number | null = null): Promise<Browser> {
  const executablePath = chromiumPath()
  if (executablePath === null) throw new Error('Chromium is not installed: the package chromium of Debian')
  // The sandbox needs a user that is not root; what is opened here is this project's own page.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({
    executablePath,
    args: [
      `--host-resolver-rules=MAP localhost${port === null ? '' : `:${port}`} ${address}`,
      '--force-color-profile=srgb',
      ...sandbox,
    ],
  })
}

/** Said by the browser of what it refused to load or run, of errors in scripts, and of boxes that pages open. */
const QUIET: readonly RegExp[] = [
  // An answer that is a refusal is one that the page explains; the browser notes its status as well.
  /^Failed to load resource: the server responded with a status of (?:4\d\d|503)/,
]

/**
 * Somebody's browser: pages, and what none of them may do. Whatever the policy of the page stopped, whatever a script threw,
 * each box that opened and each request to another origin is a fault.
 */
export class Seat {
  readonly context: BrowserContext
  readonly page: Page
  readonly origin: string
  readonly faults: string[] = []
  /** Origins that this person goes to besides: another party that vouches for them. */
  readonly others = new Set<string>()

  private constructor(context: BrowserContext, page: Page, origin: string) {
    this.context = context
    this.page = page
    this.origin = origin
    this.#watch()
  }

  static async take(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Seat> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      locale: 'en-GB',
      timezoneId: 'Europe/Amsterdam',
      reducedMotion: 'reduce',
      ...options,
    })
    context.setDefaultTimeout(45_000)
    const seat = new Seat(context, await context.newPage(), origin)
    await context.exposeBinding('voltsealTold', (_, text: unknown) => void seat.faults.push(String(text)))
    await context.addInitScript(`addEventListener('securitypolicyviolation', event =>
      voltsealTold('stopped by the policy: ' + event.effectiveDirective + ' of ' + event.blockedURI + ' at ' + event.sourceFile + ':' + event.lineNumber))`)
    return seat
  }

  #watch(): void {
    const { page, faults } = this
    const take = (text: string): void => void faults.push(text)
    page.on('pageerror', error => take(`a script failed: ${error.stack ?? error.message}`))
    page.on('dialog', dialog => {
      take(`a box opened: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('console', message => {
      const text = message.text()
      if (message.type() === 'error' && !QUIET.some(known => known.test(text))) take(`the browser says: ${text}`)
    })
    page.on('request', request => {
      const url = new URL(request.url())
      const known =
        ['data:', 'blob:'].includes(url.protocol) || url.origin === this.origin || this.others.has(url.origin)
      if (!known) take(`asked elsewhere: ${url.href}`)
    })
  }

  /** Goes to an address of the console, as somebody who types it, and waits for its first heading. */
  async open(path: string): Promise<void> {
    await this.page.goto(`${this.origin}${path}`)
    await this.page.getByRole('heading', { level: 1 }).first().waitFor()
  }

  /** Throws when the browser had anything to say since the last time. */
  mustBeQuiet(): void {
    const [first] = this.faults
    if (first === undefined) return
    const all = this.faults.splice(0)
    throw new Error(`the browser reports ${all.length} faults:\n${[...new Set(all)].slice(0, 8).join('\n')}`)
  }
}
