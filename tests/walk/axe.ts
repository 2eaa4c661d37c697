import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

/** axe-core's rules over a page: those of WCAG 2.0, 2.1 and 2.2, A and AA. */

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

type Violation = {
  readonly id: string
  readonly help: string
  readonly nodes: readonly {
    readonly html: string
    readonly target: readonly string[]
    readonly failureSummary?: string
  }[]
}

/** What violates a rule on a page, a sentence each; and how many rules were held, so that none is held by mistake. */
export async function violationsOn(
  page: Page,
): Promise<{ readonly passes: number; readonly found: readonly string[] }> {
  // By the DevTools protocol, as a debugger does: the policy of the page lets in no script.
  await page.evaluate(`window.axe === undefined && (() => { ${SOURCE} })()`)
  const { violations, passes } = (await page.evaluate(
    `axe.run(document, { runOnly: { type: 'tag', values: ${JSON.stringify(TAGS)} }, resultTypes: ['violations'] })`,
  )) as { violations: readonly Violation[]; passes: readonly unknown[] }
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ target, html, failureSummary }) =>
        `${id} (${help}): ${target.join(' ')}: ${html.slice(0, 160)}: ${(failureSummary ?? '').replaceAll(/\s+/g, ' ').slice(0, 240)}`,
    ),
  )
  return { passes: passes.length, found }
}

/** What goes beyond the right edge of the window: a page that is read by scrolling sideways is none for a phone (WCAG 1.4.10). */
export async function widerThanWindow(page: Page): Promise<string | null> {
  const [wide, window] = (await page.evaluate(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )) as [number, number]
  if (wide <= window) return null
  const outermost = (await page.evaluate(
    `[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > ${window})
      .slice(0, 6).map(one => one.tagName.toLowerCase() + '.' + one.className)`,
  )) as string[]
  return `the page is ${wide} px wide in a window of ${window}: ${outermost.join(', ')}`
}
