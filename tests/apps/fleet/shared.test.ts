import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shared } from '../../../src/apps/fleet/shared.ts'

test('attack: a look that costs much, asked for by many at once and again at once', async () => {
  let looks = 0
  const look = shared(async () => {
    looks += 1
    const end = performance.now() + 20
    while (performance.now() < end) await new Promise(resolve => setImmediate(resolve))
    return looks
  })
  assert.deepEqual(await Promise.all(Array.from({ length: 50 }, look)), Array(50).fill(1))
  const end = performance.now() + 20
  while (performance.now() < end) await look()
  assert.equal(looks, 1, 'it rests for nine times as long as it took')
})

test('a look that failed is nobody’s: the next one looks again', async () => {
  let looks = 0
  const look = shared(async () => {
    looks += 1
    if (looks === 1) throw new Error('a damaged row')
    return looks
  })
  await assert.rejects(look(), /a damaged row/)
  assert.equal(await look(), 2)
})
