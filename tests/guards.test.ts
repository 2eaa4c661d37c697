import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { GUARDS } from '../scripts/guard-list.ts'

/** `npm run test:guards` takes minutes; that what it takes out is still there is seen in a moment. */
test('every guard of the list stands in its file, once', () => {
  const root = join(import.meta.dirname, '..')
  const gone = GUARDS.filter(({ file, text }) => readFileSync(join(root, file), 'utf8').split(text).length !== 2)
  assert.deepEqual(
    gone.map(({ file, stops }) => `${file}: ${stops}`),
    [],
  )
})
