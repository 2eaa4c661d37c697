import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { World } from '../../../sim/doors/world.ts'
import { readConfig } from '../../../src/adapters/config-file.ts'
import { fleetFiles } from '../../../src/apps/fleet/files.ts'
import { startFleet } from '../../../src/apps/fleet/serve.ts'
import { PAGE_HEADER } from '../../../src/apps/process/page-requests.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { FleetConfig, parseConfig } from '../../../src/wire/config.ts'

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

const PASSWORD = 'seven quiet harbours'

describe('a fleet server with a console', () => {
  let world: World
  before(async () => {
    world = await World.make({ site: SITE, factory: { bms: new Uint8Array(4096).fill(7) } })
    const { config: path } = fleetFiles(world.at('fleet'))
    writeFileSync(path, `${readFileSync(path, 'utf8')}console:\n  host: ${world.host}\n  port: 8445\n`)
    await world.startFleet()
  })
  after(() => world?.stop())
  const config = (): FleetConfig => {
    const { config: path } = fleetFiles(world.at('fleet'))
    return orThrow(parseConfig<FleetConfig>(FleetConfig, orThrow(readConfig(path)), path))
  }

  it('says where it is, and lets somebody in with a password that an administrator has set', async () => {
    const url = String(world.fleet?.ready.console)
    assert.equal(url, `http://${world.host}:8445/`)
    assert.equal((await fetch(`${url}v1/whoami`)).status, 401)
    writeFileSync(world.at('password'), `${PASSWORD}\n`, { mode: 0o600 })
    await world.must('account', 'password', 'administrator', '--password-file', world.at('password'))
    const begun = await fetch(`${url}v1/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [PAGE_HEADER]: '1', origin: new URL(url).origin },
      body: JSON.stringify({ proof: { at: 'password', account: 'administrator', password: PASSWORD }, cookie: true }),
    })
    assert.equal(begun.status, 200)
    const [cookie = ''] = `${begun.headers.get('set-cookie')}`.split(';')
    const who = await fetch(`${url}v1/whoami`, { headers: { cookie } })
    assert.equal(((await who.json()) as { account: string }).account, 'administrator')
    assert.equal((await fetch(`${url}v1/check-in`, { method: 'POST', headers: { cookie } })).status, 404)
  })

  it('attack: a config that would show it to the network without TLS', async () => {
    for (const host of ['0.0.0.0', '::', 'localhost']) {
      const asked = { ...config(), console: { host, port: 8446 } }
      const started = await startFleet(world.at('fleet'), asked, pino({ level: 'silent' }))
      assert.ok(isRefusal(started) && started.code === 'console-not-loopback', host)
    }
  })

  it('fleet init --console-port writes it beside a loopback address, never on a network’s, and makes no account for it', async () => {
    const keys = [
      ...['--firmware-key', world.at('keys', 'firmware.pub'), '--release-key', world.at('keys', 'release')],
      ...['--approver-key', world.at('keys', 'approver-0')],
    ]
    for (const [host, expected, url] of [
      ['127.9.9.9', '127.9.9.9', 'http://127.9.9.9:9001/'],
      ['192.0.2.7', '127.0.0.1', 'http://localhost:9001/'],
    ] as const) {
      const folder = world.at(`fleet-${host}`)
      const made = await world.must('fleet', 'init', folder, ...keys, '--host', host, '--console-port', '9001')
      assert.equal((made as { console: string }).console, url)
      const written = readFileSync(fleetFiles(folder).config, 'utf8')
      assert.match(written, new RegExp(`console:\n {2}host: ${expected}\n {2}port: 9001\n`))
      rmSync(folder, { recursive: true })
    }
    const accounts = (await world.must('account', 'list')) as { id: string }[]
    assert.deepEqual(accounts.map(({ id }) => id).toSorted(), ['administrator', 'approver-0'])
  })
})
