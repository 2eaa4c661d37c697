import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkClock } from '../../../src/apps/process/serve.ts'
import { BUILT_AT } from '../../../src/wire/build.ts'

describe('the clock of the machine', () => {
  for (const [name, now, code] of [
    ['stands in 1970', 0, 'clock-before-build'],
    ['stands a moment before the build', BUILT_AT - 1, 'clock-before-build'],
    ['stands at the build', BUILT_AT, undefined],
    ['is later', BUILT_AT + 1, undefined],
  ] as const) {
    it(`${name}: ${code ?? 'taken'}`, () => assert.equal(checkClock(now)?.code, code))
  }
})
