import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makePatch, memoryToMake } from '../../../src/apps/process/patch-making.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { drawn, patchOf } from '../../core/delta/images.ts'
import { realImage } from '../../core/delta/real-firmware.ts'

const GIB = 1 << 30
/** Images that take the thread some time, each time in buffers of their own. */
const work = () => ({
  ...{ old: realImage('essentialhub', '7-27'), now: realImage('essentialhub', '7-28') },
  architectures: ['none', 'cortex-m'] as const,
  load: 0x0800_8000,
})
const codeOf = (result: Uint8Array | { readonly code: string }): string =>
  isRefusal(result) ? result.code : `a patch of ${(result as Uint8Array).length} bytes`

describe('a patch that a thread makes', () => {
  it('is the smallest of what was tried, and how far it is only rises', async () => {
    const shares: number[] = []
    const made = await makePatch(work(), { memory: GIB, tell: share => shares.push(share) })
    assert.ok(!isRefusal(made))
    const { old, now, load } = work()
    assert.deepEqual(made, patchOf({ old, now, load, architecture: 'cortex-m' }))
    assert.ok(shares.length > 4)
    assert.deepEqual(
      shares,
      shares.toSorted((a, b) => a - b),
    )
    assert.ok(shares.every(share => share >= 0 && share <= 1))
  })

  it('takes images that share a buffer, and leaves them as they are', async () => {
    const all = drawn(3, 9000)
    const [old, now] = [all.subarray(0, 4000), all.subarray(1000, 6000)]
    const made = await makePatch({ old, now, architectures: ['none'], load: 0 }, { memory: GIB })
    assert.deepEqual(all, drawn(3, 9000))
    assert.deepEqual(made, patchOf({ old, now, load: 0, architecture: 'none' }))
  })

  it('is made from nothing, too: the compressed image', async () => {
    const [old, now] = [new Uint8Array(0), realImage('essentialhub', '7-28')]
    const length = now.length
    const made = await makePatch({ old, now, architectures: ['none'], load: 0 }, { memory: GIB })
    assert.ok(!isRefusal(made) && made.length < length)
  })

  it('ends when somebody says so, when its time is over, and before it takes more memory than it may', async () => {
    const stop = new AbortController()
    const stopped = makePatch(work(), { memory: GIB, stop: stop.signal, tell: () => stop.abort() })
    assert.equal(codeOf(await stopped), 'patch-cancelled')
    assert.equal(codeOf(await makePatch(work(), { memory: GIB, stop: stop.signal })), 'patch-cancelled')
    assert.equal(codeOf(await makePatch(work(), { memory: GIB, millis: 1 })), 'patch-too-slow')
    const { old, now } = work()
    const memory = memoryToMake(old.length, now.length) - 1
    assert.equal(codeOf(await makePatch(work(), { memory })), 'patch-too-large')
  })
})
