import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONFIRM } from '../../src/core/ledger/siem-standing.ts'
import { SiemDrill } from '../worlds/siem-drill.ts'

/** Against Debian's rsyslog, set up as docs/siem.md says. `npm run test:siem` does the same, longer and by chance. */
describe('rsyslog is sent the log', () => {
  let drill: SiemDrill
  before(async () => {
    drill = await SiemDrill.make()
  })
  after(() => drill?.close())

  test('as docs/siem.md sets it up: every entry, with its severity and its kind', async () => {
    await drill.happen(200)
    await drill.through()
    await drill.judge()
    const { kind, severity } = drill.rsyslog.written().at(-1)!
    assert.deepEqual([kind, severity], ['policy-changed', 'warning'])
  })

  test('the line is cut in the middle of a message', async () => {
    const budgets = [2500, 9001, 40_000]
    drill.line.budget = () => budgets.shift() ?? null
    drill.line.cut()
    await drill.happen(150)
    while (budgets.length > 0) {
      await drill.round()
      await drill.pass(1000)
    }
    await drill.through()
    assert.ok(drill.line.cuts >= 2)
    await drill.judge()
  })

  test('it is killed with what it holds, and started again', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await drill.happen(300)
      await drill.round()
      await drill.rsyslog.end(signal)
      await drill.untilItBreaks()
      await drill.happen(20)
      await drill.pass(CONFIRM)
      await drill.untilItBreaks()
      await drill.rsyslog.start()
      await drill.lead()
      await drill.through()
      await drill.judge()
    }
    assert.ok(drill.codes.has('siem-connection-lost') && drill.codes.has('siem-tls-refused'))
  })

  test('it stands still without reading', async () => {
    await drill.happen(100)
    drill.rsyslog.freeze(true)
    await drill.round()
    drill.fleet.clock.advance(CONFIRM)
    await drill.untilItBreaks()
    assert.ok(drill.codes.has('siem-unconfirmed') || drill.codes.has('siem-stalled'))
    drill.rsyslog.freeze(false)
    await drill.through()
    await drill.judge()
  })

  test('it does not permit our certificate', async () => {
    await drill.rsyslog.end('SIGTERM')
    await drill.rsyslog.start('another.plant.example')
    await drill.lead()
    await drill.happen(50)
    const { settled } = await drill.state()
    for (let n = 0; n < 3; n += 1) {
      await drill.untilItBreaks()
      drill.fleet.clock.advance(60_000)
    }
    assert.equal((await drill.state()).settled, settled, 'nothing counts as arrived')
    await drill.rsyslog.end('SIGTERM')
    await drill.rsyslog.start()
    await drill.lead()
    await drill.through()
    const { entries, twice } = await drill.judge()
    assert.ok(twice < 4 * entries)
  })

  test('our own process dies and begins anew', async () => {
    await drill.happen(80)
    await drill.round()
    drill.line.cut()
    await drill.restart()
    await drill.through()
    await drill.judge()
  })
})
