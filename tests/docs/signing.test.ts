import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { softhsmModule } from '../../scripts/needs.ts'
import { ownAddress } from '../../sim/doors/world.ts'
import { missingLine, stepsOf } from './guide.ts'
import { Shell } from './shell.ts'

const root = join(import.meta.dirname, '..', '..')
const steps = stepsOf(readFileSync(join(root, 'docs', 'signing.md'), 'utf8'))
const host = ownAddress()
const PATIENCE_MILLIS = 30_000
/** Where the page's machine has the module; another one may have it elsewhere. */
const MODULE = '/usr/lib/softhsm/libsofthsm2.so'

describe('docs/signing.md, followed to the letter', () => {
  let folder = ''
  let shell: Shell
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'voltseal-signing-'))
    shell = new Shell(folder, root)
  })
  after(() => {
    shell.end()
    rmSync(folder, { recursive: true, force: true })
  })

  test('has its steps', () => assert.ok(steps.length > 12, `${steps.length} blocks`))

  for (const step of steps) {
    const first = step.commands.split('\n')[0] as string
    test(`line ${step.line}: ${first}`, async () => {
      const here = (text: string): string =>
        text.replaceAll('127.0.0.1', host).replaceAll(MODULE, softhsmModule() ?? 'none: see npm test')
      const ran = await shell.run(here(step.commands))
      const all = ran.printed.join('\n')
      assert.equal(ran.failed > 0, step.shown?.some(line => line.startsWith('Refused:')) === true, all)
      if (step.shown !== null) {
        assert.equal(missingLine(step.shown.map(here), ran.printed), null, `not printed there:\n${all}`)
      }
      const [, log] = /> (fleet\.log) 2>&1 &$/m.exec(step.commands) ?? []
      if (log === undefined) return
      const path = join(folder, 'signing', log)
      const end = performance.now() + PATIENCE_MILLIS
      while (!existsSync(path) || !readFileSync(path, 'utf8').includes('"ready":true')) {
        assert.ok(performance.now() < end, `${log} does not say ready`)
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    })
  }

  test('leaves no PIN in any log', () => {
    for (const name of ['fleet.log', 'init.log']) {
      assert.doesNotMatch(readFileSync(join(folder, 'signing', name), 'utf8'), /27182818/)
    }
  })
})
