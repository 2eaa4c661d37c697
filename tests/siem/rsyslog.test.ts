import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { World } from '../../sim/doors/world.ts'
import { createAuthority } from '../../src/adapters/certificates.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { CONFIRM } from '../../src/core/ledger/siem-standing.ts'
import type { SiemView } from '../../src/wire/siem-api.ts'
import { CutLine } from '../worlds/cut-line.ts'
import { voltseal } from '../worlds/people.ts'
import { QUAY } from '../worlds/quay.ts'
import { Rsyslogd } from '../worlds/rsyslogd.ts'
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
    assert.ok(['siem-unconfirmed', 'siem-stalled', 'siem-not-reachable'].some(code => drill.codes.has(code)))
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

/** What a person sees who sets it up: a fleet server with receivers of which one is right. */
describe('voltseal siem', () => {
  let world: World
  let rsyslog: Rsyslogd
  let line: CutLine

  before(async () => {
    rsyslog = new Rsyslogd()
    await rsyslog.start()
    line = await CutLine.to(rsyslog.port)
    world = await World.make(QUAY)
    const files = ['ca.pem', 'fleet.plant.example.pem', 'fleet.plant.example-key.pem']
    for (const name of files) writeFileSync(world.at('fleet', name), rsyslog.pem(name))
    const stranger = await createAuthority('somebody else', instant(Date.now()))
    writeFileSync(world.at('fleet', 'stranger.pem'), stranger.cert)
    const [ca, cert, key] = files
    const soc = { name: 'soc', host: '127.0.0.1', port: line.port, serverName: 'siem.plant.example', ca, cert, key }
    const siem = [
      soc,
      { ...soc, name: 'down', port: 1 },
      { ...soc, name: 'other-authority', ca: 'stranger.pem' },
      { ...soc, name: 'other-name', serverName: 'other.plant.example' },
      { ...soc, name: 'without-ours', cert: undefined, key: undefined },
    ]
    appendFileSync(world.at('fleet', 'fleet.yaml'), `siem: ${JSON.stringify(siem)}\n`)
    await world.startFleet()
  })
  after(async () => {
    await world?.stop()
    await line?.close()
    await rsyslog?.close()
  })

  const tried = async (receiver: string) => {
    const { json, refusal, exit } = await voltseal(world, ['siem', 'test', receiver])
    return refusal === null ? { exit, json } : { exit, code: refusal.code, actual: refusal.actual }
  }

  test('test says that the receiver has read the entry, at once', async () => {
    const began = performance.now()
    const { json } = await tried('soc')
    assert.ok((json as { read: boolean }).read)
    assert.ok(performance.now() - began < CONFIRM - 1000, 'it does not wait for the regular end of a connection')
    assert.equal((await tried('nobody')).code, 'not-found')
  })

  const rows: [receiver: string, exit: number, code: string, actual: RegExp][] = [
    ['down', 69, 'siem-not-reachable', /^nobody who listens there \(ECONNREFUSED\)$/],
    ['other-authority', 69, 'siem-tls-refused', /^one of another authority \(/],
    ['other-name', 69, 'siem-tls-refused', /^one for DNS:siem\.plant\.example \(/],
    ['without-ours', 75, 'siem-connection-lost', /right behind the handshake: is our certificate permitted\?$/],
  ]
  for (const [receiver, exit, code, actual] of rows) {
    test(`test says what is wrong with ${receiver}`, async () => {
      const said = await tried(receiver)
      assert.deepEqual([said.exit, said.code], [exit, code])
      assert.match(said.actual ?? '', actual)
    })
  }

  test('status shows each with what it took and why not, and test asks anew when it was mended', async () => {
    await rsyslog.end('SIGTERM')
    assert.equal((await tried('soc')).exit > 0, true)
    await rsyslog.start()
    line.lead(rsyslog.port)
    assert.deepEqual((await tried('soc')).exit, 0, 'what failed before is no answer')
    const { json } = await voltseal(world, ['siem', 'status'])
    const views = new Map((json as SiemView[]).map(view => [view.receiver, view]))
    assert.deepEqual([...views.keys()], ['down', 'other-authority', 'other-name', 'soc', 'without-ours'])
    const soc = views.get('soc')!
    assert.ok(soc.confirmed === soc.size && soc.fault === null)
    assert.deepEqual([views.get('down')?.sent, views.get('down')?.fault?.code], [0, 'siem-not-reachable'])
  })
})
