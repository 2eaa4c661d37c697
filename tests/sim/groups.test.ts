import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import type { Geometry } from '../../src/core/slot/layout.ts'
import { type Bench, bench, imageOf, release, SMALL, settle, stage, update } from './bench-board.ts'

/** A board with a second processor, whose flash has large sectors. */
const GEOMETRY: Geometry = { ...SMALL, parts: [{ size: 4096, sector: 1024 }] }
const COMPONENTS = ['app', 'afe']

const pair = (version: string, sequence: number, counter = 1, name = 'afe', bytes = 1_300) =>
  release(version, sequence, {
    counter,
    further: [{ name, image: imageOf(sequence + 100, bytes) }],
  })
const ONE = await pair('1.0.0', 10)
const TWO = await pair('2.0.0', 20, 2)

const group = (): Bench =>
  bench({ geometry: GEOMETRY, device: { ...bench().controller.board.device, components: COMPONENTS } }, ONE)
const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : 'no refusal')
const version = ({ controller }: Bench): string =>
  `${controller.running()?.slot} ${controller.running()?.facts.version}`

describe('a group of images', () => {
  it('moves together, by one record', () => {
    const on = group()
    assert.equal(version(on), 'a 1.0.0')
    const before = on.controller.flash.read('a1', 0, 1_300)?.slice()
    update(on, TWO)
    assert.equal(version(on), 'b 2.0.0')
    assert.deepEqual(on.controller.flash.read('b1', 0, 1_300)?.slice(), TWO.image.slice(2_700))
    assert.deepEqual(on.controller.flash.read('a1', 0, 1_300)?.slice(), before, 'the way back is whole')
    const decisions = on.controller.history().filter(entry => entry.event === 'confirmed')
    assert.equal(decisions.length, 1)
  })

  it('does not boot when one of its images is rotten: the other slot runs, whole', async () => {
    const on = group()
    update(on, await pair('1.5.0', 15))
    assert.equal(version(on), 'b 1.5.0')
    on.controller.flash.rot('b1', 1_299)
    on.controller.powerUp()
    assert.equal(version(on), 'a 1.0.0')
  })

  it('goes to golden, which is the first image alone, when both slots have a rotten part', () => {
    const on = group()
    on.controller.flash.rot('a1', 3)
    on.controller.powerUp()
    assert.equal(version(on), 'golden 0.9.0')
    assert.deepEqual(
      on.controller.running()?.facts.components.map(({ name }) => name),
      ['app'],
    )
  })

  it('resumes in the middle of its second image, also over a loss of power', () => {
    const on = group()
    const { controller } = on
    const first = orThrow(controller.begin({ envelope: TWO.envelope, update: 'u' }))
    orThrow(controller.write(0, TWO.image.subarray(0, 2_700 + 1_100)))
    assert.equal(first.offset, 3_800)
    controller.powerCut()
    controller.powerUp()
    const second = orThrow(controller.begin({ envelope: TWO.envelope, update: 'u' }))
    assert.equal(second.offset, 2_700 + 0, 'its sector of 1 KiB is fetched again')
    orThrow(controller.write(second.offset, TWO.image.subarray(second.offset)))
    orThrow(controller.finish())
    orThrow(controller.activate())
    assert.equal(version(on), 'b 2.0.0')
  })

  it('survives a cut at every operation of its update', () => {
    const operations = (() => {
      const on = group()
      const before = on.controller.flash.operations
      update(on, TWO)
      return on.controller.flash.operations - before
    })()
    assert.ok(operations > 15)
    for (let index = 0; index < operations; index += 1) {
      const on = group()
      const start = on.controller.flash.operations
      let fired = false
      on.controller.flash.faults = () => {
        if (fired || on.controller.flash.operations - start !== index) return null
        fired = true
        return { cut: 'inside', share: 0.5 }
      }
      for (let round = 0; round < 12 && version(on) !== 'b 2.0.0'; round += 1) {
        try {
          if (on.controller.at === 'off') {
            on.controller.powerUp('power-loss')
            continue
          }
          assert.notEqual(on.controller.running()?.slot, 'golden')
          if (on.controller.running()?.trial === true) settle(on)
          else update(on, TWO)
        } catch (error) {
          if (!(error instanceof PowerLost)) throw error
        }
      }
      assert.ok(fired)
      assert.equal(version(on), 'b 2.0.0', `cut at operation ${index}`)
    }
  })

  it('is refused with other images than the controller has, before the first byte', async () => {
    const on = group()
    const before = on.controller.flash.operations
    const offer = (wanted: { envelope: Uint8Array }) =>
      codeOf(on.controller.begin({ envelope: wanted.envelope, update: 'u' }))
    assert.equal(offer(await release('2.0.0', 20)), 'release-wrong-components')
    assert.equal(offer(await pair('2.0.0', 20, 1, 'dsp')), 'release-wrong-components')
    assert.equal(offer(await pair('2.0.0', 20, 1, 'afe', 4_097)), 'release-larger-than-slot')
    assert.equal(on.controller.flash.operations, before)
    const single = bench()
    assert.equal(codeOf(single.controller.begin({ envelope: TWO.envelope, update: 'u' })), 'release-wrong-components')
  })

  it('takes no single image for a whole: half a group never is a candidate', () => {
    const on = group()
    orThrow(on.controller.begin({ envelope: TWO.envelope, update: 'u' }))
    orThrow(on.controller.write(0, TWO.image.subarray(0, 2_700)))
    assert.equal(codeOf(on.controller.finish()), 'install-incomplete')
    on.controller.powerUp()
    assert.equal(version(on), 'a 1.0.0')
    stage(on.controller, TWO)
  })
})
