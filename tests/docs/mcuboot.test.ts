import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bootLoader, swapType } from '../core/firmware/mcuboot/plain-reader.ts'
import { missingLine, stepsOf } from './guide.ts'
import { Shell } from './shell.ts'

const root = join(import.meta.dirname, '..', '..')
const steps = stepsOf(readFileSync(join(root, 'docs', 'mcuboot.md'), 'utf8'))

describe('docs/mcuboot.md, followed to the letter', () => {
  let folder = ''
  let shell: Shell
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'voltseal-mcuboot-'))
    shell = new Shell(folder, root)
  })
  after(() => {
    shell.end()
    rmSync(folder, { recursive: true, force: true })
  })

  test('has its steps', () => assert.ok(steps.length >= 6, `${steps.length} blocks`))

  for (const step of steps) {
    const first = step.commands.split('\n')[0] as string
    test(`line ${step.line}: ${first}`, async () => {
      const ran = await shell.run(step.commands)
      const all = ran.printed.join('\n')
      assert.equal(ran.failed > 0, step.shown?.some(line => line.startsWith('Refused:')) === true, all)
      if (step.shown !== null) assert.equal(missingLine(step.shown, ran.printed), null, `not printed there:\n${all}`)
    })
  }

  test('what came of it boots, by a reader that was written from the documentation of MCUboot alone', () => {
    const file = (name: string): Buffer => readFileSync(join(folder, 'mcuboot', name))
    const key = createPublicKey(file('boot.pub'))
    for (const [name, align, stays] of [
      ['slot0.bin', 8, 'permanent'],
      ['slot1.bin', 32, 'test'],
    ] as const) {
      const slot = new Uint8Array(file(name))
      const verdict = bootLoader(slot, key, 3)
      assert.deepEqual(verdict.boots && [verdict.version, verdict.counter, verdict.needs], [
        '1.4.0+0',
        3,
        ['1: 2.0.0+0'],
      ])
      assert.equal(swapType(slot, align), stays)
      assert.deepEqual(slot.subarray(512, 20_512), new Uint8Array(file('app.bin')))
    }
  })
})
