import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { CONTROLLER_PAGE, controllerDocs } from '../../scripts/controller-docs.ts'

describe('docs/controller.md', () => {
  const page = readFileSync(CONTROLLER_PAGE, 'utf8')

  it('tells what the code does: run `node scripts/controller-docs.ts` when this fails', () => {
    assert.equal(controllerDocs(page), page)
  })

  it('shows a part that is out of date, and one that has lost its place', () => {
    assert.equal(controllerDocs(page.replace('| thread | what', '| thread | That')), page)
    assert.throws(() => controllerDocs(page.replace('<!-- /known bricks -->', '')), /no one place for: known bricks/)
  })
})
