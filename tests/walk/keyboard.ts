import type { Page } from 'playwright-core'
import type { Seat } from './chromium.ts'

/** The console by its keyboard alone: nothing here ever points at anything. */

/** What has the focus: its name as somebody hears it, whether one sees that it has it, and its place among all that can have it. */
type Focus = { readonly name: string; readonly seen: boolean; readonly role: string }

const FOCUS = `(() => {
  const at = document.activeElement
  if (at === null || at === document.body) return null
  const style = getComputedStyle(at)
  const seen = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none'
  const label = at.getAttribute('aria-label') ?? [...(at.labels ?? [])].map(one => one.textContent).join(' ')
  const name = (label || at.textContent || at.getAttribute('title') || '').replaceAll(/\\s+/g, ' ').trim()
  return { name, seen, role: at.getAttribute('role') ?? at.localName }
})()`

const focusOf = async (page: Page): Promise<Focus | null> => (await page.evaluate(FOCUS)) as Focus | null

/** Most steps to anything on a screen. */
const MOST = 120

/** Presses Tab until the focus is on what has that name. Throws when nothing has, or when nobody would see where the focus is. */
export async function tabTo({ page }: Seat, name: string | RegExp): Promise<void> {
  const passed: string[] = []
  for (let n = 0; n < MOST; n += 1) {
    await page.keyboard.press('Tab')
    const at = await focusOf(page)
    if (at === null) continue
    if (typeof name === 'string' ? at.name === name : name.test(at.name)) {
      if (!at.seen) throw new Error(`nobody sees that “${at.name}” has the focus`)
      return
    }
    passed.push(at.name)
  }
  throw new Error(`no Tab leads to ${name}: it passes ${[...new Set(passed)].join(' | ').slice(0, 600)}`)
}

/** Waits until the focus is on what has that name: the frame of a move moves it, and then nothing else does. */
export async function expectFocusOn(page: Page, name: string): Promise<void> {
  await page.locator(':focus').filter({ hasText: name }).first().waitFor()
}

/** Tab to a field, and type into it. */
export async function typeInto(seat: Seat, name: string | RegExp, text: string): Promise<void> {
  await tabTo(seat, name)
  await seat.page.keyboard.type(text)
}

/** Tab to a button or a link, and press Enter there. */
export async function press(seat: Seat, name: string | RegExp): Promise<void> {
  await tabTo(seat, name)
  await seat.page.keyboard.press('Enter')
}

/** Tab to a box, and tick it. */
export async function tick(seat: Seat, name: string | RegExp): Promise<void> {
  await tabTo(seat, name)
  await seat.page.keyboard.press('Space')
}

/** Tab to a list, and choose in it by typing what is chosen. */
export async function choose(seat: Seat, name: string | RegExp, option: string): Promise<void> {
  await typeInto(seat, name, option)
  const chosen = await seat.page.evaluate('document.activeElement.selectedOptions[0].text')
  if (chosen !== option) throw new Error(`“${chosen}” was chosen where “${option}” was typed`)
}

/** From now on it is a fault when anything is pointed at in this browser. Before the first page is opened. */
export async function withoutPointer({ context }: Seat): Promise<void> {
  await context.addInitScript(`for (const kind of ['pointerdown', 'mousedown', 'touchstart', 'wheel'])
    addEventListener(kind, () => voltsealTold('something was pointed at: ' + kind), { capture: true })`)
}

const UNREACHED = `(steps => {
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  return all.filter(one => {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.disabled || one.tabIndex < 0) return false
    // Of a group of radio buttons, Tab leads to one, and the arrows to the others.
    if (one.type === 'radio') return false
    // A row of a list that is drawn anew while it scrolls is another element, and leads to where the one before did.
    return !window.voltsealReached.has(one) && !window.voltsealReached.has(one.href || one)
  }).map(one => one.outerHTML.slice(0, 120))
})()`

/** What Tab does not lead to on this screen, of all that can be pressed, typed into or opened. */
export async function unreached(seat: Seat): Promise<readonly string[]> {
  await seat.page.evaluate('window.voltsealReached = new Set(); document.activeElement?.blur()')
  await round(seat)
  if (((await seat.page.evaluate(UNREACHED)) as string[]).length > 0) await round(seat)
  return (await seat.page.evaluate(UNREACHED)) as string[]
}

/** Presses Tab until the focus is where it was before. A list that was drawn meanwhile has rows that only the next round finds. */
async function round({ page }: Seat): Promise<void> {
  await page.evaluate('window.voltsealRound = new Set(); window.voltsealLast = null')
  for (let n = 0; n < MOST * 2; n += 1) {
    await page.keyboard.press('Tab')
    const again = await page.evaluate(`(() => {
      const at = document.activeElement
      if (at === null || at === document.body) return false
      // A field for a date has a place for its day, its month and its year: all of them are the field.
      const known = window.voltsealRound.has(at) && window.voltsealLast !== at
      window.voltsealLast = at
      window.voltsealRound.add(at)
      window.voltsealReached.add(at)
      if (at.href) window.voltsealReached.add(at.href)
      return known
    })()`)
    if (again) break
  }
}
