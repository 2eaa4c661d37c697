import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { openBrowser, Seat } from './chromium.ts'
import { CONSOLE_PORT, type PlantOptions, type Somebody, WalkPlant } from './plant.ts'

/** What decides the bytes of images and passwords of this run: the same again is the same walk. */
export const SEED = Number(process.env.VOLTSEAL_WALK_SEED ?? '1')

/** What is walked through: where its page is, and how it begins and ends. */
export type Plant = Pick<WalkPlant, 'address' | 'powerUp' | 'keepLogs' | 'close'>

/** A plant and a browser, the seats in it, and what is kept of a failure. */
export class Walk<P extends Plant = WalkPlant> {
  plant!: P
  readonly #port: number
  browser!: Browser
  readonly #seats = new Map<string, Seat>()
  #stopped: string | null = null

  /** `port`: where the page is, at the plant's address, which is `localhost` to the browser. */
  private constructor(port: number) {
    this.#port = port
  }

  /** Opens both before the tests of a file, and closes them behind it. `prepare` happens before any controller has power. */
  static of(prepare: (walk: Walk) => Promise<void>, options: PlantOptions = {}): Walk {
    return Walk.through(() => WalkPlant.open(SEED, options), CONSOLE_PORT, prepare)
  }

  /** The same through another plant. */
  static through<P extends Plant>(
    open: () => Promise<P>,
    port: number,
    prepare: (walk: Walk<P>) => Promise<void>,
  ): Walk<P> {
    const walk = new Walk<P>(port)
    before(async () => {
      walk.plant = await open()
      walk.browser = await openBrowser(walk.plant.address, port)
      await prepare(walk)
      await walk.plant.powerUp()
    })
    after(async () => {
      await walk.browser?.close()
      await walk.plant?.close()
    })
    return walk
  }

  /** Somebody's browser of their own. */
  async seat(name: string, options: BrowserContextOptions = {}): Promise<Seat> {
    const known = this.#seats.get(name)
    if (known !== undefined) return known
    const seat = await Seat.take(this.browser, `http://localhost:${this.#port}`, options)
    this.#seats.set(name, seat)
    return seat
  }

  /**
   * A step of the walk: a test that stands on the steps before it. When one fails, what every browser showed is kept, and no
   * later step is tried: it would tell nothing new.
   */
  step(name: string, run: (t: TestContext) => Promise<void>): void {
    this.#test(name, run, true)
  }

  /** As a step, but nothing stands on it: what comes behind it is tried in any case. */
  aside(name: string, run: (t: TestContext) => Promise<void>): void {
    this.#test(name, run, false)
  }

  #test(name: string, run: (t: TestContext) => Promise<void>, stops: boolean): void {
    test(name, { timeout: 180_000 }, async t => {
      if (this.#stopped !== null) throw new Error(`not tried: "${this.#stopped}" failed before it`)
      try {
        await run(t)
        for (const seat of this.#seats.values()) seat.mustBeQuiet()
      } catch (error) {
        if (stops) this.#stopped = name
        const kept = await this.#keep()
        throw new Error(`${(error as Error).message}\nKept in ${kept}: what the browsers showed, and the logs.`, {
          cause: error,
        })
      }
    })
  }

  async #keep(): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'voltseal-walk-'))
    mkdirSync(folder, { recursive: true })
    for (const [name, { page, faults }] of this.#seats) {
      try {
        await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, timeout: 5000 })
        writeFileSync(join(folder, `${name}.html`), await page.content())
        writeFileSync(join(folder, `${name}.txt`), `${page.url()}\n${faults.join('\n')}\n`)
      } catch {
        // A page that is gone shows nothing.
      }
    }
    this.plant?.keepLogs(folder)
    return folder
  }
}

/** Types an account and its password at the sign-in screen, and waits for the screen behind it. */
export async function signInBy({ page }: Seat, { id, password }: Somebody): Promise<void> {
  await page.getByLabel('Account').fill(id)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('navigation', { name: 'Screens' }).waitFor()
}
