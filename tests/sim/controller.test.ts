import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { applicationWith } from '../../sim/controller/application.ts'
import type { SimController } from '../../sim/controller/sim-controller.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { reportBytes } from '../../src/core/trust/report.ts'
import { history } from '../../src/flows/remember.ts'
import { bench, imageOf, release, SMALL, settle, stage, update, V1, V2, V3, WINDOW } from './bench-board.ts'

/** It asks for no time and for no probe. */
const HASTY = await release('2.1.0', 21, { counter: 2, probes: [], windowMillis: 1 })

const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : `no refusal: ${JSON.stringify(value)}`)
const version = (controller: SimController): string =>
  `${controller.running()?.slot} ${controller.running()?.facts.version}`
const events = (controller: SimController): string[] =>
  controller.history().map(entry => `${entry.event} ${entry.slot}`)
const offer = (wanted: { envelope: Uint8Array }) => ({ envelope: wanted.envelope, update: 'u' })

describe('a simulated controller', () => {
  it('boots its factory image, and raises the counter to it', () => {
    const { controller } = bench()
    assert.equal(version(controller), 'a 1.0.0')
    assert.equal(controller.element.counter(), 1)
    assert.deepEqual(events(controller), ['manufactured a', 'boot a'])
  })

  it('stages, tries, confirms; the counter rises only with the confirmation', () => {
    const on = bench()
    const { controller } = on
    stage(controller, V2)
    assert.equal(version(controller), 'a 1.0.0')
    assert.equal(orThrow(controller.status()).staged?.version, '2.0.0')
    controller.powerUp()
    assert.equal(version(controller), 'a 1.0.0', 'a candidate waits for the word of the site')
    orThrow(controller.activate())
    assert.equal(version(controller), 'b 2.0.0')
    assert.equal(orThrow(controller.status()).state, 'trial')
    assert.equal(controller.element.counter(), 1, 'not before the health window')
    assert.equal(settle(on).at, 'confirmed')
    assert.equal(controller.element.counter(), 2)
    assert.equal(controller.element.raises, 2, 'the factory and the confirmation')
    const status = orThrow(controller.status())
    assert.equal(status.state, 'stable')
    assert.equal(status.previous?.version, '1.0.0')
    assert.equal(status.golden?.version, '0.9.0')
    const report = reportBytes({
      kind: 'voltseal-report',
      v: 1,
      site: 'harbour',
      sequence: controller.element.nextReport(),
      at: on.clock.now(),
      event: 'confirmed',
      ...status,
    })
    assert.ok(!isRefusal(report), 'the status is what a report takes')
    assert.ok(nodeCrypto.verify(controller.element.reportKey, report, controller.element.signReport(report), 'der'))
    controller.powerUp()
    assert.equal(version(controller), 'b 2.0.0')
  })

  it('reverts an unhealthy image, remembers it with phase and cause, and does not take it again', () => {
    const on = bench({
      application: applicationWith({ [V2.facts.imageDigest]: { is: 'unhealthy', probe: 'ems-link' } }),
    })
    const { controller } = on
    stage(controller, V2)
    orThrow(controller.activate())
    const tick = settle(on)
    assert.equal(tick.at, 'reverted')
    assert.equal(version(controller), 'a 1.0.0')
    assert.equal(controller.element.counter(), 1)
    const attempt = orThrow(controller.status()).attempts[0]
    assert.equal(attempt?.version, '2.0.0')
    assert.equal(attempt?.phase, 'health')
    assert.equal(attempt?.cause, 'probe-failed ems-link')
    assert.equal(codeOf(controller.begin(offer(V2))), 'version-failed-before')
    update(on, V3)
    assert.equal(version(controller), 'b 3.0.0')
  })

  it('reverts an image that hangs: the watchdog resets it three times', () => {
    const on = bench({
      application: applicationWith({ [V2.facts.imageDigest]: { is: 'hanging' } }),
      watchdogMillis: 900,
    })
    const { controller, clock } = on
    stage(controller, V2)
    orThrow(controller.activate())
    let resets = 0
    for (let round = 0; round < 50; round += 1) {
      clock.advance(500)
      if (controller.tick().at === 'reset') resets += 1
    }
    assert.equal(resets, 3)
    assert.equal(version(controller), 'a 1.0.0')
    assert.match(orThrow(controller.status()).attempts[0]?.cause ?? '', /^tries spent/)
    assert.equal(codeOf(controller.begin(offer(V2))), 'version-failed-before')
  })

  it('lets power losses draw on their own, larger budget', () => {
    const on = bench({ budget: { tries: 3, losses: 5 } })
    const { controller } = on
    stage(controller, V2)
    orThrow(controller.activate())
    for (let loss = 0; loss < 5; loss += 1) {
      controller.powerCut()
      controller.powerUp('power-loss')
      assert.equal(version(controller), 'b 2.0.0', `loss ${loss}`)
    }
    controller.powerUp('power-loss')
    assert.equal(version(controller), 'a 1.0.0')
    assert.match(orThrow(controller.status()).attempts[0]?.cause ?? '', /^power losses spent/)
  })

  it('never burns tries of a confirmed image', () => {
    const on = bench()
    update(on, V2)
    for (let reset = 0; reset < 40; reset += 1) {
      on.controller.powerUp(reset % 2 === 0 ? 'watchdog' : 'power-loss')
      assert.equal(version(on.controller), 'b 2.0.0')
    }
  })

  it('answers rot of the active slot with the other one, then with golden, and takes an update from golden', async () => {
    const on = bench({}, V1)
    const { controller } = on
    const same = await release('1.5.0', 15)
    update(on, same)
    assert.equal(version(controller), 'b 1.5.0')
    controller.flash.rot('b', SMALL.imageOffset + 100)
    controller.powerUp()
    assert.equal(version(controller), 'a 1.0.0')
    assert.equal(orThrow(controller.status()).state, 'stable')
    controller.flash.eccFault('a', SMALL.imageOffset)
    controller.powerUp()
    assert.equal(version(controller), 'golden 0.9.0')
    assert.equal(orThrow(controller.status()).state, 'golden')
    update(on, V2)
    assert.equal(orThrow(controller.status()).running.version, '2.0.0')
    assert.equal(orThrow(controller.status()).state, 'stable')
    controller.flash.rot('golden', SMALL.imageOffset)
    controller.powerUp()
    assert.equal(controller.at, 'running')
  })

  it('does not fall back below the counter: golden runs instead', () => {
    const on = bench()
    update(on, V2)
    assert.equal(on.controller.element.counter(), 2)
    on.controller.flash.rot('b', SMALL.imageOffset + 5)
    on.controller.powerUp()
    assert.equal(version(on.controller), 'golden 0.9.0')
  })

  it('does not fall back to a version that failed', () => {
    const on = bench({ application: applicationWith({ [V2.facts.imageDigest]: { is: 'unhealthy' } }) })
    update(on, V2)
    assert.equal(version(on.controller), 'a 1.0.0')
    on.controller.flash.rot('a', SMALL.imageOffset)
    on.controller.powerUp()
    assert.equal(version(on.controller), 'golden 0.9.0')
  })

  it('tries, and does not confirm, a staged image that it falls back to', () => {
    const on = bench()
    const { controller } = on
    stage(controller, V2)
    controller.flash.rot('a', SMALL.imageOffset)
    controller.powerUp()
    assert.equal(version(controller), 'b 2.0.0')
    assert.equal(orThrow(controller.status()).state, 'trial')
    assert.equal(controller.element.counter(), 1)
    for (const _ of [1, 2, 3]) controller.powerUp('watchdog')
    assert.equal(version(controller), 'golden 0.9.0')
  })

  it('halts when nothing verifies, and says why', () => {
    const { controller } = bench()
    controller.flash.rot('a', SMALL.imageOffset)
    controller.flash.rot('golden', SMALL.imageOffset)
    const outcome = controller.powerUp()
    assert.deepEqual(outcome, { at: 'halted', reason: 'slot-image-damaged' })
    assert.equal(codeOf(controller.status()), 'controller-off')
    assert.equal(events(controller).at(-1), 'halt none')
  })

  it('boots on without any record, unconfirmed, and confirms by the health window only', () => {
    const on = bench()
    const { controller } = on
    controller.flash.eccFault('record0', 0)
    controller.flash.eccFault('record1', 0)
    controller.powerUp()
    assert.equal(version(controller), 'a 1.0.0')
    assert.equal(orThrow(controller.status()).state, 'trial')
    assert.equal(settle(on).at, 'confirmed')
    const numbers = controller.history().map(entry => entry.decision)
    assert.equal(new Set(numbers).size, numbers.length, 'decisions are numbered on from the history')
  })

  it('finishes a confirmation whose counter was lost, and does nothing twice', () => {
    for (const fault of ['before', 'after'] as const) {
      const on = bench()
      const { controller } = on
      stage(controller, V2)
      orThrow(controller.activate())
      controller.element.faults = () => fault
      assert.throws(() => settle(on), { name: 'PowerLost' })
      assert.equal(controller.at, 'off')
      assert.equal(controller.element.counter(), fault === 'before' ? 1 : 2)
      controller.element.faults = () => null
      controller.powerUp()
      assert.equal(version(controller), 'b 2.0.0')
      assert.equal(orThrow(controller.status()).state, 'stable')
      assert.equal(controller.element.counter(), 2)
    }
  })

  it('does not finish a confirmation of an image that rotted meanwhile', () => {
    const on = bench()
    const { controller } = on
    stage(controller, V2)
    orThrow(controller.activate())
    controller.element.faults = () => 'before'
    assert.throws(() => settle(on), { name: 'PowerLost' })
    controller.element.faults = () => null
    controller.flash.rot('b', SMALL.imageOffset + 1)
    controller.powerUp()
    assert.equal(version(controller), 'a 1.0.0')
    assert.equal(controller.element.counter(), 1)
    controller.powerUp()
    assert.equal(controller.element.counter(), 1)
  })

  it('does not confirm over a clock that jumps, and survives one that jumps back', () => {
    const on = bench()
    const { controller, clock } = on
    stage(controller, V2)
    orThrow(controller.activate())
    clock.jump(24 * 3_600_000)
    assert.equal(controller.tick().at, 'quiet')
    clock.jump(-48 * 3_600_000)
    assert.equal(controller.tick().at, 'quiet')
    assert.equal(controller.element.counter(), 1)
    assert.equal(settle(on).at, 'confirmed')
  })

  it('resumes an interrupted download, also over a loss of power', () => {
    const { controller } = bench()
    const first = orThrow(controller.begin(offer(V2)))
    orThrow(controller.write(0, V2.image.subarray(0, 1_700)))
    assert.equal(first.offset, 1_700)
    controller.powerCut()
    controller.powerUp()
    const second = orThrow(controller.begin(offer(V2)))
    assert.equal(second.offset, 1_024, '1,536 bytes were programmed; their last sector is fetched again')
    orThrow(controller.write(second.offset, V2.image.subarray(second.offset)))
    orThrow(controller.finish())
    orThrow(controller.activate())
    assert.equal(version(controller), 'b 2.0.0')
  })

  it('does not resume into another release', () => {
    const { controller } = bench()
    orThrow(controller.begin(offer(V2)))
    orThrow(controller.write(0, V2.image.subarray(0, 1_700)))
    assert.equal(orThrow(controller.begin(offer(V3))).offset, 0)
  })

  it('takes pieces of any size, and images that end in erased bytes', async () => {
    const padded = new Uint8Array(2_600).fill(0xff)
    padded.set(imageOf(7, 600))
    const wanted = await release('2.2.0', 22, { image: padded })
    for (const piece of [1, 255, 256, 257, 4_096]) {
      const on = bench()
      stage(on.controller, wanted, piece)
      orThrow(on.controller.activate())
      assert.equal(version(on.controller), 'b 2.2.0', `pieces of ${piece}`)
    }
  })

  it('names the same installation again when it is staged already, and lets another replace it', () => {
    const on = bench()
    const { controller } = on
    stage(controller, V2)
    const programs = controller.flash.operations
    assert.equal(orThrow(controller.begin({ envelope: V2.envelope, update: 'update-2.0.0' })).state.at, 'staged')
    orThrow(controller.finish())
    assert.equal(controller.flash.operations, programs)
    stage(controller, V3)
    assert.equal(orThrow(controller.status()).staged?.version, '3.0.0')
    orThrow(controller.withdraw())
    assert.equal(orThrow(controller.status()).staged, undefined)
    assert.equal(codeOf(controller.activate()), 'nothing-staged')
  })

  it('with worn record blocks runs what is confirmed, counts nothing as done, and takes no update', () => {
    const wear = (controller: SimController) => {
      controller.flash.wearOut('record0')
      controller.flash.wearOut('record1')
    }
    const stable = bench().controller
    stage(stable, V2)
    wear(stable)
    const outcome = stable.powerUp()
    assert.equal(version(stable), 'a 1.0.0')
    assert.equal(outcome.at === 'running' && outcome.problem?.code, 'boot-record-not-written')
    assert.equal(codeOf(stable.activate()), 'boot-record-not-written')
    assert.equal(version(stable), 'a 1.0.0')

    const trial = bench().controller
    stage(trial, V2)
    orThrow(trial.activate())
    wear(trial)
    trial.powerUp('watchdog')
    assert.equal(version(trial), 'a 1.0.0', 'a trial that cannot be counted is not run')
    assert.equal(orThrow(trial.status()).state, 'stable')

    const on = bench()
    stage(on.controller, V2)
    orThrow(on.controller.activate())
    wear(on.controller)
    const tick = settle(on)
    assert.equal(tick.at === 'refused' && tick.refusal.code, 'boot-record-not-written')
    assert.equal(on.controller.element.counter(), 1, 'no floor without its record')
    assert.equal(version(on.controller), 'a 1.0.0', 'it has booted again, and does not go on in the old window')
  })

  it('raises no floor in a boot that cannot write its record', () => {
    const on = bench()
    stage(on.controller, V2)
    orThrow(on.controller.activate())
    on.controller.element.faults = () => 'before'
    assert.throws(() => settle(on), { name: 'PowerLost' })
    on.controller.element.faults = () => null
    on.controller.flash.wearOut('record0')
    on.controller.flash.wearOut('record1')
    on.controller.powerUp()
    assert.equal(version(on.controller), 'b 2.0.0')
    assert.equal(on.controller.element.counter(), 1)
  })

  it('watches a release that asks for nothing for as long as the device says, and by its probes', () => {
    const leastTrial = { windowMillis: 5_000, probes: ['ems-link'] }
    const trial = (behaviour: Parameters<typeof applicationWith>[0][string]): [string, number] => {
      const on = bench({ leastTrial, application: applicationWith({ [HASTY.facts.imageDigest]: behaviour }) })
      stage(on.controller, HASTY)
      orThrow(on.controller.activate())
      for (let millis = 100; millis <= 10_000; millis += 100) {
        on.clock.advance(100)
        const { at } = on.controller.tick()
        if (at !== 'quiet') return [at, millis]
      }
      return ['quiet', 0]
    }
    assert.deepEqual(trial({ is: 'healthy' }), ['confirmed', 5_000])
    assert.equal(trial({ is: 'unhealthy' })[0], 'reverted')
  })

  it('starts the window anew when the watchdog has reset it in its trial', () => {
    const on = bench()
    const { controller, clock } = on
    stage(controller, V2)
    orThrow(controller.activate())
    const pass = (ticks: number): string => {
      for (let tick = 0; tick < ticks; tick += 1) {
        clock.advance(WINDOW / 16)
        const { at } = controller.tick()
        if (at !== 'quiet') return at
      }
      return 'quiet'
    }
    assert.equal(pass(15), 'quiet')
    controller.powerUp('watchdog')
    assert.equal(version(controller), 'b 2.0.0')
    assert.equal(pass(15), 'quiet')
    assert.equal(pass(1), 'confirmed')
  })

  it('skips a place of the record that does not hold', () => {
    const { controller } = bench()
    const free = controller.flash.read('record0', 1_536, 1) as Uint8Array
    assert.deepEqual([...free], [0xff])
    controller.flash.weaken('record0', 1_536 + 100, 8)
    controller.powerUp()
    controller.powerUp()
    assert.equal(version(controller), 'a 1.0.0')
    assert.equal(events(controller).filter(event => event === 'boot a').length, 3)
  })

  it('tells each decision once, however often it boots', () => {
    const { controller } = bench()
    for (const cause of ['power-loss', 'software', 'watchdog', 'power-on'] as const) controller.powerUp(cause)
    const { entries, torn } = history(controller.board)
    assert.deepEqual([entries.length, torn], [6, 0])
  })

  it('lives on in its folder', () => {
    const folder = mkdtempSync(join(tmpdir(), 'voltseal-controller-'))
    try {
      const on = bench({ folder })
      update(on, V2)
      const number = on.controller.element.nextReport()
      const again = bench({ folder })
      assert.equal(version(again.controller), 'b 2.0.0')
      assert.equal(again.controller.element.counter(), 2)
      assert.equal(orThrow(again.controller.status()).assignment, 'update-2.0.0')
      assert.ok(again.controller.element.nextReport() > number)
      assert.deepEqual(again.controller.element.reportKey, on.controller.element.reportKey)
      on.controller.flash.close()
      again.controller.flash.close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
