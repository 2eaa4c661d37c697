import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootDiagram, bootEvents, bootResets } from './controller-docs/boot-tables.ts'
import { cutSteps } from './controller-docs/cut-steps.ts'
import { healthDiagram, healthEvents } from './controller-docs/health-tables.ts'
import { installDiagram, installEvents } from './controller-docs/install-tables.ts'
import { knownBricks } from './controller-docs/known-bricks.ts'
import { recordFormat } from './controller-docs/record-format.ts'

/** The page whose marked parts are generated: `node scripts/controller-docs.ts` writes them, a test says when they are stale. */
export const CONTROLLER_PAGE = join(import.meta.dirname, '..', 'docs', 'controller.md')

/** What stands between `<!-- NAME -->` and `<!-- /NAME -->`, by name, from the code that it tells of. */
const PARTS: Readonly<Record<string, () => string>> = {
  'record format': recordFormat,
  'boot diagram': bootDiagram,
  'boot events': bootEvents,
  'boot resets': bootResets,
  'health diagram': healthDiagram,
  'health events': healthEvents,
  'install diagram': installDiagram,
  'install events': installEvents,
  'cut steps': cutSteps,
  'known bricks': knownBricks,
}

/** The page with its parts as they are now. Throws when a part has no place, or more than one. */
export function controllerDocs(page: string): string {
  return Object.entries(PARTS).reduce((text, [name, write]) => fill(text, name, write()), page)
}

function fill(page: string, name: string, part: string): string {
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const [before, rest, ...more] = page.split(open)
  const end = rest?.indexOf(close) ?? -1
  if (rest === undefined || end < 0 || more.length > 0) throw new Error(`the page has no one place for: ${name}`)
  return `${before}${open}${part}${rest.slice(end)}`
}

if (import.meta.main) writeFileSync(CONTROLLER_PAGE, controllerDocs(readFileSync(CONTROLLER_PAGE, 'utf8')))
