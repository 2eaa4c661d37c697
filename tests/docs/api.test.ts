import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { QUAY } from '../worlds/quay.ts'
import { rest, started } from '../worlds/started.ts'
import { missingLine, stepsOf } from './guide.ts'
import { Shell } from './shell.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8')

describe('docs/api.md', () => {
  let world: World
  let shell: Shell
  before(async () => {
    world = await started(QUAY, async made => {
      await made.reported()
      await rest(made)
      return made
    })
    shell = new Shell(world.folder, world.folder)
  })
  after(async () => {
    shell?.end()
    await world?.stop()
  })

  it('every example does what the page shows', async () => {
    const steps = stepsOf(PAGE)
    assert.ok(steps.length >= 9)
    for (const { line, commands, shown } of steps) {
      const { printed, failed } = await shell.run(commands)
      assert.equal(failed, 0, `line ${line}: ${printed.join('\n')}`)
      const missing =
        shown === null
          ? null
          : missingLine(
              shown,
              printed.map(text => text.trimEnd()),
            )
      assert.equal(missing, null, `line ${line}: ${printed.join('\n').slice(0, 600)}`)
    }
  })
})
