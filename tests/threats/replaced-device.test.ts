import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { SimElement } from '../../sim/secure-element/sim-element.ts'
import { certificateRequest } from '../../src/adapters/certificates.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import { type DeviceRequest, deviceRequest } from '../../src/wire/fleet-api.ts'
import { call, gatewayUrl, log, tls } from '../worlds/people.ts'
import { QUAY } from '../worlds/quay.ts'
import { rest, started } from '../worlds/started.ts'

/** Stolen: all keys of a controller. What ends it: the controller is enrolled anew, with the keys of another element. */
describe('a controller that is enrolled anew', () => {
  let world: World
  let stolen: SimElement
  let fresh: SimElement
  before(async () => {
    world = await started(QUAY, async made => {
      await made.reported()
      await rest(made)
      return made
    })
    stolen = new SimElement({ file: world.at('site', 'controllers', 'bms-1', 'element.json') })
    fresh = new SimElement({ file: world.at('fresh-element.json') })
  })
  after(() => world?.stop())

  /** Enrols the site with bms-1's requests made by an element. */
  async function enrol(element: SimElement, ...more: string[]): Promise<string> {
    const folder = world.at('requests')
    mkdirSync(folder, { recursive: true })
    const { controllers } = JSON.parse(readFileSync(world.at('site', 'enrolment.json'), 'utf8')) as {
      controllers: DeviceRequest[]
    }
    const request = deviceRequest('bms-1', await certificateRequest(element.identityKeyPem), element)
    const changed = controllers.map(one => (one.id === 'bms-1' ? request : one))
    writeFileSync(join(folder, 'enrolment.json'), JSON.stringify({ controllers: changed }))
    const gateway = ['--gateway', world.at('gateway'), '--controllers', folder]
    const { exit, json } = await world.run('site', 'enrol', ...gateway, ...more)
    return exit === 0 ? 'enrolled' : (json as { code: string }).code
  }

  /** A report of bms-1 by an element, over the connection of bms-1 as it was enrolled first. */
  async function report(element: SimElement, sequence: number): Promise<string> {
    const said: Report = {
      kind: 'voltseal-report',
      v: 1,
      site: 'quay',
      controller: 'bms-1',
      sequence,
      at: instant(Date.now()),
      event: 'boot',
      state: 'stable',
      running: { version: '1.0.0', sequence: 1_000_000, digest: 'a'.repeat(64), slot: 'a' },
      counter: 0,
      anchors: [],
      attempts: [],
    }
    const bytes = sealReport(said, element.signReport(orThrow(reportBytes(said))))
    const answer = await call(gatewayUrl(world), tls.controller(world, 'bms-1'), 'POST', '/v1/reports', bytes)
    return isRefusal(answer) ? answer.code : 'taken'
  }

  it('attack: nobody puts another element in the place of a controller unless a person says that it was replaced', async () => {
    assert.equal(await enrol(fresh), 'enrolment-key-changed')
    assert.equal(await enrol(fresh, '--replaced', 'bms-2'), 'enrolment-key-changed')
  })

  it('attack: stolen keys of a controller end with its enrolment: the new element is believed from its first report on, the old one never', async () => {
    assert.equal(await enrol(fresh, '--replaced', 'bms-1'), 'enrolled')
    await world.startGateway()
    assert.equal(await report(stolen, 1_000_000), 'report-signature-invalid')
    assert.equal(await report(fresh, 1), 'taken', 'its numbers begin anew')
    assert.equal(await report(fresh, 1), 'report-replayed')
    const entries = (await log(world)).filter(
      ({ kind, detail }) => kind === 'controller-registered' && detail.replaced === true,
    )
    assert.deepEqual(
      entries.map(({ controller }) => controller),
      ['bms-1'],
    )
    await world.until('the fleet has it', async () => {
      const rows = (await world.must('controller', 'list')) as { id: string; sequence: number }[]
      return rows.some(({ id, sequence }) => id === 'bms-1' && sequence === 1)
    })
  })

  it('attack: reports of an element that was taken out and put back', async () => {
    // Its numbers would begin at 1, and whoever kept its signed reports would be believed once more.
    assert.equal(await enrol(stolen, '--replaced', 'bms-1'), 'enrolment-key-former')
    await world.gateway?.close()
    await world.fleet?.close()
    await world.startFleet()
    await world.startGateway()
    assert.equal(await enrol(stolen, '--replaced', 'bms-1'), 'enrolment-key-former', 'the server remembers it')
    assert.equal(await enrol(stolen), 'enrolment-key-changed')
    assert.equal(await report(stolen, 1_000_000), 'report-signature-invalid')
    assert.equal(await report(fresh, 2), 'taken', 'the element in its place is still believed')
    const third = new SimElement({ file: world.at('third-element.json') })
    assert.equal(await enrol(third, '--replaced', 'bms-1'), 'enrolled', 'new keys are the way')
    assert.equal(await enrol(fresh, '--replaced', 'bms-1'), 'enrolment-key-former', 'each that was replaced stays out')
  })
})
