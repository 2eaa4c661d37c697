import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Files, faults, flowsOfReadme } from './architecture/house.ts'
import { readSource } from './architecture/source.ts'

const root = join(import.meta.dirname, '..')
const FOLDERS = ['src', 'sim', 'console', 'bench', 'conformance', 'scripts', 'tests']

function tree(): Files {
  const files = new Map<string, string>()
  for (const folder of FOLDERS) {
    if (!existsSync(join(root, folder))) continue
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(?:ts|tsx|cjs)$/.test(entry.name) || entry.parentPath.includes('node_modules'))
        continue
      const path = join(entry.parentPath, entry.name)
      files.set(path.slice(root.length + 1).replaceAll('\\', '/'), readFileSync(path, 'utf8'))
    }
  }
  return files
}

describe('the house', () => {
  test('every floor imports downwards only, nothing goes in a circle, the core is pure', () => {
    const files = tree()
    assert.ok(files.size > 100, `only ${files.size} files were found`)
    assert.deepEqual(faults(files), [])
  })

  test('the README lists the flows that there are', () => {
    const flows = readdirSync(join(root, 'src/flows'))
      .filter(
        name => !/^(?:archive-|folder-|inventory-|patch-|people-|siem-|turn-|webhook-|witness-)?ports\.ts$/.test(name),
      )
      .map(name => name.replace(/\.ts$/, ''))
    const listed = flowsOfReadme(readFileSync(join(root, 'README.md'), 'utf8'))
    assert.ok(listed !== null, 'the README has no list of flows between <!-- flows --> and <!-- /flows -->')
    assert.deepEqual(listed.toSorted(), flows.toSorted())
  })
})

// The rules are only worth something if they find what they forbid.
const TIMER_IN_TEMPLATE = ['export const a = `x $', '{setTimeout(() => {}, 1)} y`'].join('')

describe('the rules find', () => {
  const core = 'src/core/encoding/bytes.ts'
  const rows: [name: string, files: Record<string, string>, fault: RegExp | null][] = [
    [
      'nothing in a good house',
      { [core]: 'export const a = 1', 'src/flows/go.ts': im('../core/encoding/bytes.ts') },
      null,
    ],
    ['an arrow up', { [core]: im('../../flows/go.ts'), 'src/flows/go.ts': '' }, /from encoding up to flows/],
    [
      'a type’s arrow up',
      { [core]: "import type { A } from '../../flows/go.ts'", 'src/flows/go.ts': '' },
      /up to flows/,
    ],
    [
      'an arrow up by export',
      { [core]: "export { a } from '../../flows/go.ts'\nconst b = 1", 'src/flows/go.ts': '' },
      /up/,
    ],
    [
      'an arrow up by import()',
      { [core]: "const a = import('../../flows/go.ts')", 'src/flows/go.ts': '' },
      /up to flows/,
    ],
    [
      'an arrow between siblings',
      { 'src/core/slot/a.ts': im('../ledger/b.ts'), 'src/core/ledger/b.ts': '' },
      /slot up to/,
    ],
    [
      'firmware that knows trust',
      { 'src/core/firmware/a.ts': im('../trust/b.ts'), 'src/core/trust/b.ts': '' },
      /up to/,
    ],
    [
      'the simulator in the product',
      { 'src/apps/fleet/a.ts': im('../../../sim/b.ts'), 'sim/b.ts': '' },
      /apps up to sim/,
    ],
    ['the simulator with an adapter', { 'sim/a.ts': im('../src/adapters/b.ts'), 'src/adapters/b.ts': '' }, /sim up to/],
    ['nothing in a simulated door', { 'sim/doors/a.ts': im('../../src/adapters/b.ts'), 'src/adapters/b.ts': '' }, null],
    [
      'an adapter that knows a flow',
      { 'src/adapters/a.ts': im('../flows/go.ts'), 'src/flows/go.ts': '' },
      /up to flows/,
    ],
    [
      'an adapter that knows another',
      { 'src/adapters/a.ts': im('./b.ts'), 'src/adapters/b.ts': '' },
      /another adapter/,
    ],
    ['nothing within one adapter', { 'src/adapters/x/a.ts': im('./b.ts'), 'src/adapters/x/b.ts': '' }, null],
    ['an app that knows another', { 'src/apps/a/a.ts': im('../b/b.ts'), 'src/apps/b/b.ts': '' }, /another app/],
    [
      'nothing in an app on its process',
      { 'src/apps/a/a.ts': im('../process/b.ts'), 'src/apps/process/b.ts': '' },
      null,
    ],
    [
      'a process that knows an app',
      { 'src/apps/process/a.ts': im('../b/b.ts'), 'src/apps/b/b.ts': '' },
      /process up to apps/,
    ],
    [
      'a circle',
      { 'sim/a.ts': im('./b.ts'), 'sim/b.ts': im('./c.ts'), 'sim/c.ts': im('./a.ts') },
      /circle: sim\/a\.ts → /,
    ],
    ['node: in the core', { [core]: "import { readFileSync } from 'node:fs'" }, /encoding is pure and imports node:fs/],
    ['node: in a flow', { 'src/flows/go.ts': "import 'node:fs'" }, /flows is pure/],
    ['a package in the core', { [core]: "import pino from 'pino'" }, /imports the package pino/],
    ['nothing for CBOR in the encoding', { [core]: "import { decode } from 'cbor2'" }, null],
    ['the clock', { [core]: 'export const now = Date.now()' }, /does not use Date/],
    ['the clock by new', { 'src/flows/go.ts': 'export const now = new Date()' }, /does not use Date/],
    ['nothing for Date.UTC', { [core]: 'export const y2k = Date.UTC(2000, 0)' }, null],
    ['chance', { [core]: 'export const a = Math.random()' }, /does not use Math\.random/],
    ['chance in the simulator', { 'sim/a.ts': 'export const a = Math.random()' }, /does not use Math\.random/],
    ['a timer', { [core]: 'setTimeout(() => {}, 1)' }, /does not use setTimeout/],
    ['a timer inside a template', { [core]: TIMER_IN_TEMPLATE }, /setTimeout/],
    ['waiting in the core', { [core]: 'export async function a() {}' }, /does not use async/],
    ['nothing in words', { [core]: "// Date.now()\nexport const a = 'Date' + `Math.random()` + /Date/.source" }, null],
    ['a barrel', { 'sim/all.ts': "export * from './b.ts'", 'sim/b.ts': '' }, /barrel/],
    ['a barrel of names', { 'sim/all.ts': "export { b } from './b.ts'", 'sim/b.ts': '' }, /barrel/],
    ['an index', { 'sim/index.ts': 'export const a = 1' }, /says nothing/],
    ['a drawer', { 'sim/string-utils.ts': 'export const a = 1' }, /says nothing/],
    ['a name in another case', { 'sim/norFlash.ts': 'export const a = 1' }, /kebab-case/],
    ['a file that is too long', { 'sim/a.ts': 'a\n'.repeat(451) }, /451 lines/],
    ['nothing for a long table', { 'src/core/refusal/codes-world.ts': 'a\n'.repeat(451) }, null],
    ['a folder of no floor', { 'src/lib/a.ts': '' }, /no floor/],
    ['an import of nothing', { 'sim/a.ts': im('./gone.ts') }, /not there/],
  ]
  for (const [name, files, fault] of rows) {
    test(name, () => {
      const found = faults(new Map(Object.entries(files)))
      if (fault === null) assert.deepEqual(found, [])
      else
        assert.ok(
          found.some(line => fault.test(line)),
          `expected ${fault}, found ${JSON.stringify(found)}`,
        )
    })
  }

  test('the list of flows, in a table or a list, and its absence', () => {
    const marked = (text: string): string => `# X\n<!-- flows -->\n${text}\n<!-- /flows -->\n`
    assert.deepEqual(flowsOfReadme(marked('| flow | does |\n|---|---|\n| `sign` | signs |\n| `boot` | boots |')), [
      'sign',
      'boot',
    ])
    assert.deepEqual(flowsOfReadme(marked('- `sign`: signs, see `boot`')), ['sign'])
    assert.equal(flowsOfReadme('# X'), null)
  })

  test('imports after an apostrophe in a comment and a quote in a regular expression', () => {
    const text = "// don't\nconst a = /['\"]/\nimport { b } from './b.ts'\nconst c = 4 / 2 / 1 // './d.ts'\n"
    assert.deepEqual(readSource(text).imports, ['./b.ts'])
  })
})

function im(path: string): string {
  return `import { a } from '${path}'\nexport const b = a\n`
}
