import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { violationsOn, widerThanWindow } from './axe.ts'
import type { Seat } from './chromium.ts'

/** How each screen is looked at: by day, by night, and on a phone. `pictured`: it is one of those that the docs show. */
const LOOKS = [
  { name: 'light', colorScheme: 'light', width: 1280, height: 900, pictured: true },
  { name: 'dark', colorScheme: 'dark', width: 1280, height: 900, pictured: true },
  { name: 'phone', colorScheme: 'light', width: 360, height: 780, pictured: true },
  { name: 'phone-dark', colorScheme: 'dark', width: 360, height: 780, pictured: false },
] as const
type Look = (typeof LOOKS)[number]

/** A picture is as high as its page, up to here, in pixels. */
const HIGHEST = 1200

/** Where pictures of the screens go; absent: none are taken. */
const PICTURES = process.env.VOLTSEAL_WALK_PICTURES

/** Looks at the screen that is shown in every way that it is looked at: each is a test of its own. The walk goes on all the same. */
export async function look(t: TestContext, seat: Seat, screen: string, isPictured = true): Promise<void> {
  for (const one of LOOKS) {
    await t.test(
      `${screen}, ${one.name} at ${one.width} px: nothing violates WCAG 2.2 AA, nothing is wider than the window`,
      async () => {
        await turn(seat, one)
        const { found, passes } = await violationsOn(seat.page)
        const wide = await widerThanWindow(seat.page)
        if (isPictured && one.pictured && PICTURES !== undefined)
          await picture(seat, join(PICTURES, `${screen}-${one.name}.png`))
        const faults = [...found, ...(wide === null ? [] : [wide])]
        if (faults.length > 0) throw new Error(faults.join('\n'))
        if (passes < 5) throw new Error(`only ${passes} rules had anything to look at: the screen is not there`)
        seat.mustBeQuiet()
      },
    )
  }
  await turn(seat, LOOKS[0])
}

async function turn({ page }: Seat, { colorScheme, width, height }: Look): Promise<void> {
  await page.emulateMedia({ colorScheme })
  await page.setViewportSize({ width, height })
  // Until it is drawn so: what is measured is what is seen.
  await page.evaluate('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))')
}

async function picture({ page }: Seat, path: string): Promise<void> {
  mkdirSync(join(path, '..'), { recursive: true })
  // Nothing is pictured as what lies under a pointer looks.
  await page.mouse.move(0, 0)
  const { width, height } = page.viewportSize()!
  const whole = (await page.evaluate('document.documentElement.scrollHeight')) as number
  await page.setViewportSize({ width, height: Math.min(HIGHEST, Math.max(height, whole)) })
  await page.evaluate('scrollTo(0, 0)')
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' })
  await page.setViewportSize({ width, height })
}
