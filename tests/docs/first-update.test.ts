import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ownAddress } from '../../sim/doors/world.ts'
import { missingLine, type Step, stepsOf } from './guide.ts'
import { Shell } from './shell.ts'

const root = join(import.meta.dirname, '..', '..')
const steps = stepsOf(readFileSync(join(root, 'docs', 'first-update.md'), 'utf8'))
const host = ownAddress()
const PATIENCE_MILLIS = 30_000

/** Looks often, until it is so. */
async function until(what: string, so: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MILLIS
  while (!(await so())) {
    assert.ok(performance.now() < end, `waited in vain: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

describe('docs/first-update.md, followed to the letter', () => {
  let folder = ''
  let shell: Shell
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'voltseal-guide-'))
    shell = new Shell(folder, root)
  })
  after(() => {
    shell.end()
    rmSync(folder, { recursive: true, force: true })
  })

  test('has its steps', () => assert.ok(steps.length > 15, `${steps.length} blocks`))

  for (const step of steps) {
    const first = step.commands.split('\n')[0] as string
    test(`line ${step.line}: ${first}`, async () => {
      const commands = step.commands.replaceAll('127.0.0.1', host)
      const shown = step.shown?.map(line => line.replaceAll('127.0.0.1', host)) ?? null
      let ran = await shell.run(commands)
      // What a reader asks again when the answer has not come yet.
      if (isQuestion(step) && shown !== null) {
        await until('the answer that the page shows', async () => {
          if (missingLine(shown, ran.printed) !== null) ran = await shell.run(commands)
          return missingLine(shown, ran.printed) === null
        })
      }
      const all = ran.printed.join('\n')
      assert.equal(ran.failed > 0, shown?.some(line => line.startsWith('Refused:')) === true, all)
      if (shown !== null) assert.equal(missingLine(shown, ran.printed), null, `not printed there:\n${all}`)
      for (const [, log] of step.commands.matchAll(/> (\S+\.log) 2>&1 &$/gm)) {
        const path = join(folder, 'first-update', log as string)
        await until(`${log} says ready`, () => existsSync(path) && readFileSync(path, 'utf8').includes('"ready":true'))
      }
    })
  }
})

const isQuestion = ({ commands }: Step): boolean => commands === 'voltseal controller list'

describe('the page reader', () => {
  test('finds the blocks and what they show', () => {
    const page = ['```sh', 'a', 'b', '```', '```text', 'x', '```', '', '```sh', 'c', '```', 'end'].join('\n')
    assert.deepEqual(stepsOf(page), [
      { line: 1, commands: 'a\nb', shown: ['x'] },
      { line: 9, commands: 'c', shown: null },
    ])
  })

  const rows: [name: string, shown: string[], printed: string[], missing: string | null][] = [
    ['the same', ['a', 'b'], ['a', 'b'], null],
    ['columns of another width', ['a  1 b'], ['a    1  b'], null],
    ['another digest', [`id ${'a'.repeat(64)}`], [`id ${'b'.repeat(64)}`], null],
    ['another version', ['to 1.1.0'], ['to 1.2.0'], 'to 1.1.0'],
    ['other seconds', ['1.1.0  confirmed  4.0'], ['1.1.0  confirmed  12.5'], null],
    ['lines left out', ['…', 'c', '…'], ['a', 'b', 'c', 'd'], null],
    ['a line left out without saying so', ['a', 'c'], ['a', 'b', 'c'], 'c'],
    ['an end left out without saying so', ['a'], ['a', 'b'], 'the end'],
    ['a line that is not there', ['…', 'x', '…'], ['a', 'b'], 'x'],
    ['a shortened line', ['Refused: a (expected …'], ['Refused: a (expected b; got c).'], null],
    ['the same line twice', ['…', 'a', 'b'], ['a', 'c', 'a', 'b'], null],
  ]
  for (const [name, shown, printed, missing] of rows) {
    test(name, () => assert.equal(missingLine(shown, printed), missing))
  }
})
