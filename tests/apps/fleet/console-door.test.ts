import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { pino } from 'pino'
import { browserCrypto } from '../../../console/crypto-browser.ts'
import { LogReader, type LogStatus } from '../../../console/live/log-reader.ts'
import { World } from '../../../sim/doors/world.ts'
import { readConfig } from '../../../src/adapters/config-file.ts'
import { readPageFiles } from '../../../src/adapters/page-files.ts'
import { fleetFiles } from '../../../src/apps/fleet/files.ts'
import { startFleet } from '../../../src/apps/fleet/serve.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { FleetConfig, parseConfig } from '../../../src/wire/config.ts'
import { ROUTES } from '../../../src/wire/fleet-routes.ts'
import type { CheckpointView, WatchedCheckpoint } from '../../../src/wire/fleet-views.ts'
import { log } from '../../worlds/people.ts'

const SITE = {
  site: 'quay',
  name: 'Quay',
  region: 'nl-west',
  zone: 'Europe/Amsterdam',
  vendor: 'voltworks.example',
  gateway: { id: 'quay-gateway' },
  links: [{ id: 'lan', kind: 'ethernet' }],
  classes: { bms: { hardware: 'primehub', slot: '128KiB', bootloader: 1 } },
  controllers: [{ id: 'bms-1', class: 'bms', link: 'lan' }],
}

let world: World
let url = ''
const config = (): FleetConfig => {
  const { config: path } = fleetFiles(world.at('fleet'))
  return orThrow(parseConfig<FleetConfig>(FleetConfig, orThrow(readConfig(path)), path))
}
const get = (path: string, method = 'GET'): Promise<Response> => fetch(`${url}${path}`, { method })
const read = async <T>(path: string): Promise<T> => (await (await get(path)).json()) as T

before(async () => {
  world = await World.make({ site: SITE, factory: { bms: new Uint8Array(4096).fill(7) } })
  const { config: path } = fleetFiles(world.at('fleet'))
  writeFileSync(path, `${readFileSync(path, 'utf8')}console:\n  host: ${world.host}\n  port: 8445\n`)
  await world.startFleet()
  await world.enrol()
  url = String(world.fleet?.ready.console).replace(/\/$/, '')
})
after(() => world.stop())

describe('the console’s door', () => {
  test('is named when the server is ready, and shows the fleet’s own views', async () => {
    assert.equal(url, `http://${world.host}:8445`)
    const [controller] = await read<{ id: string }[]>('/v1/controllers')
    assert.equal(controller?.id, 'bms-1')
    assert.deepEqual(await read('/v1/campaigns'), [])
    assert.deepEqual(await read('/v1/releases'), [])
    const checkpoint = await read<WatchedCheckpoint>('/v1/audit/checkpoint')
    assert.ok(checkpoint.size > 0)
    assert.deepEqual(checkpoint.alarms, [])
    for (const path of ['tile/0/999', 'tile/entries/..%2f000', 'tile/entries/000.p/256', 'checkpoint', 'tile/']) {
      assert.equal((await get(`/log/${path}`)).status, 404, path)
    }
  })

  test('its log verifies with what a browser has', async () => {
    const said: LogStatus[] = []
    const memory = { recall: () => null, remember: () => undefined }
    const file = async (path: string): Promise<Uint8Array> =>
      new Uint8Array(await (await get(`/log/${path}`)).arrayBuffer())
    const checkpoint = await read<CheckpointView>('/v1/audit/checkpoint')
    await new LogReader(browserCrypto, memory).read(checkpoint, file, status => said.push(status))
    const last = said.at(-1)
    assert.ok(last?.at === 'sound' && last.size === checkpoint.size, JSON.stringify(last))
  })

  test('attack: the log, without an account that may read it', async () => {
    const path = '/log/tile/0/000.p/1'
    assert.equal((await get(path)).status, 200)
    await world.must('account', 'disable', 'console', '--reason', 'tried here')
    assert.match(await (await get(path)).text(), /account-disabled/)
    await world.must('account', 'enable', 'console')
    assert.equal((await get(path)).status, 200)
  })

  test('attack: no route of the fleet’s API that writes, or that gives out more than views, is behind it', async () => {
    assert.ok(ROUTES.length >= 20, `only ${ROUTES.length} routes are known`)
    // By the fleet's own door: what the console's shows is shared for a moment, and may be of before.
    const size = async (): Promise<number> => (await log(world)).length
    const before = await size()
    const open: string[] = []
    for (const { method, path: route } of ROUTES) {
      const path = route
        .replace('{site}', 'quay')
        .replace('{id}', 'bms-1')
        .replace('{repo}', 'image')
        .replace('{path}', 'root.json')
      const answer = await get(path, method)
      if (method !== 'GET') assert.equal(answer.status, 405, `${method} ${route}`)
      else if (answer.status === 200) open.push(route)
    }
    const views = ['/v1/audit/checkpoint', '/v1/campaigns', '/v1/controllers', '/v1/releases']
    assert.deepEqual(open.toSorted(), views)
    assert.equal(await size(), before, 'nothing was written, not even into the log')
  })

  test('attack: a path out of the folder', async () => {
    const folder = world.at('page')
    mkdirSync(`${folder}/assets`, { recursive: true })
    writeFileSync(world.at('secret.html'), 'secret')
    writeFileSync(`${folder}/index.html`, '<!doctype html>')
    writeFileSync(`${folder}/assets/app-1234.js`, 'export {}')
    writeFileSync(`${folder}/.stamp`, 'not a page')
    symlinkSync(world.at('fleet'), `${folder}/linked`)
    const files = readPageFiles(folder)
    assert.deepEqual([...(files ?? []).keys()].toSorted(), ['/', '/assets/app-1234.js', '/index.html'])
    for (const path of [
      '/../secret.html',
      '/..%2fsecret.html',
      '/%2e%2e/secret.html',
      '/assets/..%5c..%5csecret.html',
      '/linked/fleet.yaml',
      '/.stamp',
      '/assets/',
      '/toString',
      '/__proto__',
      '/fleet.yaml',
      '/%00',
      '/%',
    ]) {
      const answer = await get(path)
      assert.equal(answer.status, 404, path)
      assert.match(await answer.text(), /not-found/)
    }
  })

  test('says that it was not built', () => {
    assert.equal(readPageFiles(world.at('nowhere')), null)
    mkdirSync(world.at('empty'))
    assert.equal(readPageFiles(world.at('empty')), null)
  })
})

describe('where the console may be', () => {
  test('nowhere, unless it is asked for', () => {
    const { console: asked, ...rest } = config()
    assert.deepEqual(asked, { host: world.host, port: 8445 })
    assert.equal('console' in orThrow(parseConfig<FleetConfig>(FleetConfig, rest, 'fleet.yaml')), false)
  })

  test('attack: a config that would show it to the network', async () => {
    for (const host of ['0.0.0.0', '::', 'localhost']) {
      const started = await startFleet(
        world.at('fleet'),
        { ...config(), console: { host, port: 8446 } },
        pino({ level: 'silent' }),
      )
      assert.ok(isRefusal(started) && started.code === 'console-not-loopback', host)
    }
  })

  test('fleet init --console-port writes it: beside a loopback address, never on a network’s', async () => {
    const keys = [
      '--firmware-key',
      world.at('keys', 'firmware.pub'),
      '--release-key',
      world.at('keys', 'release'),
      '--approver-key',
      world.at('keys', 'approver-0'),
    ]
    for (const [host, expected] of [
      ['127.9.9.9', '127.9.9.9'],
      ['192.0.2.7', '127.0.0.1'],
    ] as const) {
      const folder = world.at(`fleet-${host}`)
      await world.must('fleet', 'init', folder, ...keys, '--host', host, '--console-port', '9001')
      assert.match(
        readFileSync(fleetFiles(folder).config, 'utf8'),
        new RegExp(`console:\n {2}host: ${expected}\n {2}port: 9001\n`),
      )
      rmSync(folder, { recursive: true })
    }
  })
})
