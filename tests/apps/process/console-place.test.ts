import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { certifyNewKey, createAuthority } from '../../../src/adapters/certificates.ts'
import { isLoopback } from '../../../src/adapters/loopback.ts'
import { consolePlace } from '../../../src/apps/process/console-place.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-place-'))
const TLS = { cert: 'console.pem', key: 'console-key.pem' }
const port = 8445

/** Names and origins; or the code that a config is refused with. */
function placed(config: Omit<Parameters<typeof consolePlace>[1], 'port'>) {
  const place = consolePlace(folder, { port, ...config }, 'fleet.example')
  return isRefusal(place) ? place.code : { url: place.url, names: [...place.names], origins: [...place.origins] }
}

describe('where a console is', () => {
  before(async () => {
    const now = instant(Date.now())
    const authority = await createAuthority('An operator', now)
    const asked = { identity: { kind: 'fleet', id: 'server' }, hosts: ['fleet.example'] } as const
    const [one, other] = [await certifyNewKey(authority, asked, now), await certifyNewKey(authority, asked, now)]
    writeFileSync(join(folder, TLS.cert), one.cert + authority.cert)
    writeFileSync(join(folder, TLS.key), one.key)
    writeFileSync(join(folder, 'other-key.pem'), other.key)
    writeFileSync(join(folder, 'none.pem'), 'nothing')
  })
  after(() => rmSync(folder, { recursive: true }))

  it('attack: a console without TLS on an address that a network carries, or under a name', () => {
    for (const host of [
      '0.0.0.0',
      '::',
      '192.168.1.10',
      '10.0.0.1',
      'localhost',
      'console.example',
      '',
      '127.0.0.1.example',
    ]) {
      assert.equal(isLoopback(host), false, host)
      assert.equal(placed({ host }), 'console-not-loopback', host)
    }
    assert.equal(
      placed({ host: '0.0.0.0', url: 'https://console.example' }),
      'console-not-loopback',
      'a proxy is no TLS of ours',
    )
  })

  it('on this machine alone it is localhost, where that is its address', () => {
    assert.deepEqual(placed({ host: '127.0.0.1' }), {
      url: 'http://localhost:8445',
      names: ['localhost:8445', '127.0.0.1:8445'],
      origins: ['http://localhost:8445', 'http://127.0.0.1:8445'],
    })
    assert.deepEqual(placed({ host: '::1' }), {
      url: 'http://localhost:8445',
      names: ['localhost:8445', '[::1]:8445'],
      origins: ['http://localhost:8445', 'http://[::1]:8445'],
    })
    assert.deepEqual(placed({ host: '127.7.8.9' }), {
      url: 'http://127.7.8.9:8445',
      names: ['127.7.8.9:8445'],
      origins: ['http://127.7.8.9:8445'],
    })
  })

  it('behind a proxy that speaks TLS it answers under the name of that one too', () => {
    assert.deepEqual(
      placed({ host: '127.0.0.1', url: 'https://Console.example/' }),
      'config-malformed',
      'not an origin',
    )
    assert.deepEqual(placed({ host: '127.0.0.1', url: 'https://Console.example:443' }), {
      url: 'https://console.example',
      names: ['console.example', 'console.example:443', '127.0.0.1:8445', 'localhost:8445'],
      origins: ['https://console.example', 'http://127.0.0.1:8445', 'http://localhost:8445'],
    })
  })

  it('under TLS it answers on any address, under its one name: that of the fleet unless told', () => {
    assert.deepEqual(placed({ host: '0.0.0.0', ...TLS }), {
      url: 'https://fleet.example:8445',
      names: ['fleet.example:8445'],
      origins: ['https://fleet.example:8445'],
    })
    assert.equal(orThrow(consolePlace(folder, { host: '::', port, ...TLS }, 'fleet.example')).tls === null, false)
  })

  const wrong: readonly (readonly [
    name: string,
    config: Omit<Parameters<typeof consolePlace>[1], 'port'>,
    code: string,
  ])[] = [
    ['a certificate without its key', { host: '0.0.0.0', cert: TLS.cert }, 'config-malformed'],
    ['a key without its certificate', { host: '127.0.0.1', key: TLS.key }, 'config-malformed'],
    ['another key', { host: '0.0.0.0', ...TLS, key: 'other-key.pem' }, 'console-certificate-unusable'],
    ['no certificate', { host: '0.0.0.0', ...TLS, cert: 'none.pem' }, 'console-certificate-unusable'],
    ['no such file', { host: '0.0.0.0', ...TLS, cert: 'nowhere.pem' }, 'file-missing'],
    ['plain HTTP under another name', { host: '127.0.0.1', url: 'http://console.example' }, 'config-malformed'],
    ['plain HTTP over TLS', { host: '127.0.0.1', ...TLS, url: 'http://localhost:8445' }, 'config-malformed'],
    ['a person in the address', { host: '127.0.0.1', url: 'https://a@b.example' }, 'config-malformed'],
  ]
  for (const [name, config, code] of wrong) it(`refuses ${name}`, () => assert.equal(placed(config), code))
})
