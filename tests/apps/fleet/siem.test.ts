import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { certifyNewKey, createAuthority } from '../../../src/adapters/certificates.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { siemReceivers } from '../../../src/apps/fleet/siem.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { FleetConfig, parseConfig } from '../../../src/wire/config.ts'

const FLEET = {
  kind: 'voltseal-fleet',
  name: 'quay',
  url: 'https://fleet.example:8443',
  listen: { host: '127.0.0.1', port: 8443 },
  anchors: [{ kid: 'a', alg: 'ed25519', spki: 'AAAA' }],
  metadataMillis: 86_400_000,
  tickMillis: 1000,
  maxBlobBytes: 1,
  log: 'info',
}

describe('siem in fleet.yaml', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-siem-'))
  before(async () => {
    const now = instant(Date.now())
    const authority = await createAuthority('syslog', now)
    const { cert, key } = await certifyNewKey(authority, { identity: { kind: 'fleet', id: 'quay' } }, now)
    const other = await certifyNewKey(authority, { identity: { kind: 'fleet', id: 'quay' } }, now)
    const files = {
      'ca.pem': authority.cert,
      'cert.pem': cert,
      'key.pem': key,
      'other.pem': other.key,
      'text.pem': 'a',
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  })
  after(() => rmSync(folder, { recursive: true }))

  const read = (siem: unknown, more: object = {}) => {
    const config = parseConfig<FleetConfig>(FleetConfig, { ...FLEET, siem, ...more }, 'fleet.yaml')
    return isRefusal(config) ? config : siemReceivers(folder, config, nodeCrypto)
  }
  const SOC = { name: 'soc', host: 'siem.example' }

  test('is read with what is left out', () => {
    const [soc] = orThrow(read([SOC]))
    const { link: _, ...receiver } = soc!
    assert.deepEqual(receiver, {
      name: 'soc',
      from: 'beginning',
      target: { host: 'siem.example', port: 6514, serverName: 'siem.example', ca: '', cert: '' },
      format: { log: 'quay', host: 'fleet.example', enterprise: 32473, maxBytes: 8192 },
    })
    const [six] = orThrow(read([{ ...SOC, from: 'now', enterprise: 7 }], { url: 'https://[fd00::1]:8443' }))
    assert.deepEqual([six?.format.host, six?.format.enterprise, six?.from], ['fd00::1', 7, 'now'])
  })

  test('says in the log whom it believes, and no secret', () => {
    const one = (change: object) =>
      orThrow(read([{ ...SOC, ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem', ...change }]))[0]!
    const { ca, cert } = one({}).target
    assert.match(`${ca} ${cert}`, /^[0-9a-f]{64} [0-9a-f]{64}$/)
    assert.notEqual(one({ ca: 'cert.pem' }).target.ca, ca)
    assert.equal(Object.hasOwn(one({}).target, 'key'), false)
  })

  const rows: [string, unknown, string][] = [
    ['two of one name', [SOC, { ...SOC, host: 'b.example' }], 'config-malformed'],
    ['a certificate without a key', [{ ...SOC, cert: 'cert.pem' }], 'config-malformed'],
    ['a key without a certificate', [{ ...SOC, key: 'key.pem' }], 'config-malformed'],
    ['the key of another certificate', [{ ...SOC, cert: 'cert.pem', key: 'other.pem' }], 'certificate-malformed'],
    ['an authority that is none', [{ ...SOC, ca: 'text.pem' }], 'certificate-malformed'],
    ['a file that is not there', [{ ...SOC, ca: 'gone.pem' }], 'file-missing'],
    ['nobody', [], 'config-malformed'],
    ['too many', Array.from({ length: 9 }, (_, n) => ({ ...SOC, name: `soc-${n}` })), 'config-malformed'],
    ['a host with a path', [{ ...SOC, host: 'siem.example/x' }], 'config-malformed'],
    ['messages that no receiver has to take', [{ ...SOC, maxMessageBytes: 2047 }], 'config-malformed'],
    ['an unknown field', [{ ...SOC, verify: false }], 'config-malformed'],
    ['plain TCP', [{ ...SOC, tls: false }], 'config-malformed'],
  ]
  for (const [name, siem, code] of rows) {
    test(`refuses ${name}`, () => {
      const said = read(siem)
      assert.equal(isRefusal(said) ? said.code : 'taken', code)
    })
  }
})
