import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { claimFolder } from '../../../sim/doors/demo/data-folder.ts'
import { unpackFirmware } from '../../../sim/doors/demo/firmware.ts'
import { freePair, freePort } from '../../../sim/doors/demo/free-ports.ts'
import { readOptions } from '../../../sim/doors/demo/options.ts'
import { Progress } from '../../../sim/doors/demo/progress.ts'
import { SCENARIOS } from '../../../sim/doors/demo/scenario.ts'
import { Screen } from '../../../sim/doors/demo/screen.ts'
import { HARBOUR } from '../../../sim/doors/demo/setting.ts'
import { rowsOf, table } from '../../../sim/doors/demo/summary.ts'
import type { SiteEvent, StampedEvent } from '../../../sim/doors/site/events.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { toHex } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import type { CampaignControllerView, CampaignView } from '../../../src/wire/fleet-views.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-demo-'))
const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : 'no refusal')
const event = (controller: string, what: SiteEvent): StampedEvent => ({ at: instant(0), controller, ...what })

const turn = (controller: string, wave: number, state: string): CampaignControllerView => ({
  site: 'harbour',
  controller,
  class: controller.slice(0, 3),
  wave,
  from: '7.27.0',
  to: '7.28.0',
  slot: 'b',
  counter: 2,
  state,
  detail: null,
  tookMillis: 1840,
})

const campaign = (state: string, controllers: readonly CampaignControllerView[]): CampaignView => ({
  id: 'c',
  title: 'C',
  state,
  wave: 1,
  waves: 2,
  reason: null,
  priority: 50,
  waits: [],
  counts: {},
  tallies: [],
  approvals: { have: 1, need: 1 },
  controllers,
})

/** What a demo without a plant ends with. */
const PLANTLESS = { versions: new Map(), began: 0, bill: null, offline: [], changes: null, records: [] }

describe('the demo', () => {
  after(() => rmSync(root, { recursive: true, force: true }))

  it('reads its options', () => {
    const read = readOptions(['--once', '--json', '--scenario', 'power-cut', '--port', '9000'])
    assert.deepEqual(read, {
      scenario: 'power-cut',
      once: true,
      json: true,
      help: false,
      data: 'voltseal-data/demo',
      host: '127.0.0.1',
      port: 9000,
    })
    for (const wrong of [['--scenario', 'lunch'], ['--port', '0'], ['--port', 'x'], ['--ones'], ['word']]) {
      assert.equal(codeOf(readOptions(wrong)), 'usage-error', wrong.join(' '))
    }
  })

  it('wipes what an earlier demo left, and never touches what is not a demo’s', () => {
    const own = join(root, 'own')
    const first = claimFolder(own)
    assert.ok(!isRefusal(first))
    writeFileSync(join(own, 'left'), '')
    assert.equal(codeOf(claimFolder(own)), 'data-folder-in-use')
    assert.ok(existsSync(join(own, 'left')), 'a demo that runs loses nothing')
    first.release()
    const second = claimFolder(own)
    assert.ok(!isRefusal(second))
    assert.ok(!existsSync(join(own, 'left')))
    second.release()
    const foreign = join(root, 'foreign')
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'thesis.txt'), 'years of work')
    assert.equal(codeOf(claimFolder(foreign)), 'folder-not-empty')
    assert.deepEqual(readdirSync(foreign), ['thesis.txt'])
  })

  it('takes the next pair of ports when one of the two is taken', async () => {
    const taken = await occupied()
    const { port } = taken.address() as { port: number }
    try {
      const pair = await freePair('127.0.0.1', port - 1)
      assert.ok(!isRefusal(pair))
      assert.ok(pair > port, 'the pair with the taken port in it is passed over')
      assert.equal(codeOf(await freePair('192.0.2.1', 8443)), 'port-not-permitted')
      const one = await freePort('127.0.0.1', port)
      assert.ok(one !== null && one > port)
      assert.equal(await freePort('192.0.2.1', 8443), null)
    } finally {
      const closed = once(taken, 'close')
      taken.close()
      await closed
    }
  })

  it('unpacks real firmware, newer for the classes that are updated', () => {
    const images = unpackFirmware(root, bytes => toHex(nodeCrypto.sha256(bytes)), HARBOUR)
    assert.deepEqual(
      images.map(image => `${image.class} ${image.version}`),
      ['bms 7.27.0', 'pcs 7.27.0', 'ems 7.27.0', 'bms 7.28.0', 'pcs 7.28.0'],
    )
    for (const image of images) {
      const bytes = readFileSync(join(root, image.file))
      assert.ok(bytes.length > 50_000 && bytes.length <= 1024 * 1024, `${image.file}: ${bytes.length} bytes`)
      assert.equal(toHex(nodeCrypto.sha256(bytes)), image.sha256)
    }
    assert.equal(new Set(images.map(image => image.sha256)).size, 5)
  })

  it('shows each change as a line where there is no terminal, and no escape sequence', () => {
    const lines: string[] = []
    const progress = new Progress(new Screen({ write: text => lines.push(text) }, {}), ['bms-1'])
    progress.campaign('[····] c is running, wave 1 of 2')
    progress.campaign('[····] c is running, wave 1 of 2')
    progress.event(event('bms-1', { event: 'assigned', assignment: 'c/1', version: '7.28.0', from: 0 }))
    for (const received of [10, 20, 100]) {
      progress.event(event('bms-1', { event: 'download', received, total: 100 }))
    }
    progress.event(event('bms-1', { event: 'staged', assignment: 'c/1', version: '7.28.0' }))
    progress.event(event('ems-1', { event: 'staged', assignment: 'c/1', version: '7.28.0' }))
    for (const id of ['bms-1', 'bms-1', 'ems-1'])
      progress.campaign(`  harbour/${id} assigned: waits: it is outside the windows`)
    progress.event(event('bms-1', { event: 'confirmed', version: '7.28.0', slot: 'b', counter: 2 }))
    progress.campaign('  harbour/bms-1 assigned: waits: of before')
    assert.deepEqual(lines, [
      '[····] c is running, wave 1 of 2\n',
      '  bms-1  downloads 7.28.0\n',
      '  bms-1  7.28.0 is verified in flash; waits for its turn\n',
      '  bms-1  waits: it is outside the windows\n',
      '  bms-1  confirmed 7.28.0 in slot b\n',
    ])
    assert.match(progress.lines()[1] ?? '', /bms-1 {2}█{24} {2}confirmed/)
  })

  it('redraws its bars on a terminal, within its width', () => {
    const written: string[] = []
    const screen = new Screen({ write: text => written.push(text), isTTY: true, columns: 30 }, {})
    const progress = new Progress(screen, ['bms-1'])
    progress.end()
    assert.ok(written.every(text => text.split('\n').every(line => line.length < 30)))
  })

  it('ends with a table', () => {
    const view = campaign('done', [{ ...turn('bms-1', 1, 'failed'), detail: 'probe-failed x' }])
    const rows = rowsOf(view, new Map([['bms-1', '7.27.0']]))
    assert.equal(
      table(rows),
      [
        'controller     from    to      slot  counter  seconds  outcome',
        'harbour/bms-1  7.27.0  7.28.0  b           2      1.8  failed: probe-failed x',
      ].join('\n'),
    )
  })

  const good = campaign('done', [turn('bms-1', 1, 'confirmed'), turn('bms-2', 2, 'confirmed')])
  const halted = campaign('halted', [turn('bms-1', 1, 'failed'), turn('bms-2', 2, 'withdrawn')])
  const reverted = event('bms-1', { event: 'reverted', cause: 'x', version: '7.28.0', slot: 'a' })
  const cut = event('bms-2', { event: 'power-lost', where: 'inside program', darkMillis: 1 })
  const touched = event('bms-2', { event: 'assigned', assignment: 'c', version: '7.28.0', from: 0 })
  for (const [name, scenario, view, events, fault] of [
    ['happy', 'happy', good, [], null],
    ['happy, not confirmed', 'happy', halted, [], 'bms-1 is failed'],
    ['bad canary', 'bad-canary', halted, [reverted], null],
    ['bad canary that was confirmed', 'bad-canary', good, [], 'the campaign is done'],
    ['bad canary that did not revert', 'bad-canary', halted, [], 'bms-1 did not revert'],
    ['bad canary, others touched', 'bad-canary', halted, [reverted, touched], 'bms-2 was touched'],
    ['power cut', 'power-cut', good, [cut, cut], null],
    ['power cut that did not happen', 'power-cut', good, [cut], 'bms-2 lost its power 1 times'],
  ] as const) {
    it(`tells whether a scenario ended as described: ${name}`, () => {
      const seen = { ...PLANTLESS, folder: root, images: [], events, view, audit: '' }
      assert.equal(SCENARIOS[scenario].check(seen), fault)
    })
  }

  it('tells whether the tampered scenario ended as described', () => {
    const folder = join(root, 'tampered')
    const images = unpackFirmware(folder, bytes => toHex(nodeCrypto.sha256(bytes)), HARBOUR)
    const sha256 = images[3]!.sha256
    const attack = { event: 'attack', attack: 'tampered-slot', detail: 'slot-image-damaged' } as const
    const refused = event('bms-3', { ...attack, outcome: 'refused', running: 'b 7.28.0' })
    const ran = event('bms-3', { ...attack, outcome: 'ran', running: 'a 7.28.0' })
    const audit = '{"kind":"blob-quarantined"}'
    const judge = (events: readonly StampedEvent[], log: string) =>
      SCENARIOS.tampered.check({ ...PLANTLESS, folder, images, events, view: good, audit: log })
    assert.equal(judge([refused], audit), 'nothing is in quarantine')
    mkdirSync(join(folder, 'gateway', 'cache', 'quarantine'), { recursive: true })
    writeFileSync(join(folder, 'gateway', 'cache', 'quarantine', sha256), '')
    assert.equal(judge([refused], ''), 'the audit log knows of no quarantined blob')
    assert.equal(judge([], audit), 'nobody was let at a controller')
    assert.equal(judge([ran], audit), 'the attack ended otherwise: ran, slot-image-damaged')
    assert.equal(judge([refused], audit), null)
  })
})

/** A server on some port above 1, so that the one below it can be asked for. */
async function occupied(): Promise<Server> {
  const server = createServer()
  const listening = once(server, 'listening')
  server.listen({ host: '127.0.0.1', port: 0 })
  await listening
  return server
}
