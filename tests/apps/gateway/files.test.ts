import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readGatewayFolder } from '../../../src/apps/gateway/files.ts'
import { initGateway } from '../../../src/apps/gateway/init.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { ISSUED } from '../../worlds/issued-gateway.ts'
import { quay } from '../../worlds/quay.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-gateway-'))
const folder = join(root, 'gateway')

describe('a gateway’s folder', () => {
  before(async () => {
    writeFileSync(join(root, 'site.yaml'), JSON.stringify(quay()))
    const where = { fleet: 'https://127.0.0.1:8443', host: '127.0.0.1', port: 8444, poll: 1000, maxRestarting: 1 }
    const nobody = async () => assert.fail('no key is opened')
    orThrow(await initGateway(folder, { site: join(root, 'site.yaml'), ...where }, nobody))
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  it('that is not enrolled yet: gateway-not-enrolled', () => {
    const refusal = readGatewayFolder(folder)
    assert.ok(isRefusal(refusal) && refusal.code === 'gateway-not-enrolled')
  })

  for (const [name, text, code] of [
    ['another site', JSON.stringify({ ...ISSUED, site: 'reef' }), 'site-mismatch'],
    ['half a file', JSON.stringify(ISSUED).slice(0, 200), 'config-malformed'],
    ['nothing', 'null', 'config-malformed'],
    ['no certificate', JSON.stringify({ ...ISSUED, gateway: {} }), 'config-malformed'],
    ['no controllers', JSON.stringify({ ...ISSUED, controllers: {} }), 'config-malformed'],
    ['what the fleet gave', JSON.stringify(ISSUED), null],
  ] as const) {
    it(`whose enrolment is ${name}: ${code ?? 'read'}`, () => {
      writeFileSync(join(folder, 'issued.json'), text)
      const read = readGatewayFolder(folder)
      assert.equal(isRefusal(read) ? read.code : null, code)
    })
  }
})
