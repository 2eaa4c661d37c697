import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { knownParties } from '../../../src/apps/fleet/sign-in-ways.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { parseConfig } from '../../../src/wire/config.ts'
import { OpenIdConfig, signInOf } from '../../../src/wire/sign-in-config.ts'

const SECRET = 'a secret that nobody else reads'

describe('parties that fleet.yaml names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-ways-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, text: string, mode: number): string => {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), mode)
    return name
  }
  const works = { name: 'works', label: 'The works', issuer: 'https://id.example/plant', clientId: 'voltseal' }
  const codeOf = (parties: readonly OpenIdConfig[]): string => {
    const known = knownParties(folder, parties)
    return isRefusal(known) ? known.code : 'known'
  }

  it('have their secret in a file that its owner alone reads', () => {
    const secretFile = file('secret', `${SECRET}\n`, 0o600)
    const [known] = orThrow(knownParties(folder, [{ ...works, secretFile }]))
    assert.equal(known?.secret, SECRET)
    assert.equal(orThrow(knownParties(folder, [works]))[0]?.secret, null, 'or are asked without one')
  })

  it('attack: a client’s secret that others on the machine may read', () => {
    for (const mode of [0o640, 0o604, 0o644]) {
      const secretFile = file(`open-${mode}`, SECRET, mode)
      const known = knownParties(folder, [{ ...works, secretFile }])
      assert.ok(isRefusal(known) && known.code === 'secret-file-permissions', `${mode}`)
      assert.ok(!JSON.stringify(known).includes(SECRET))
    }
  })

  it('are refused when they are not one each, not there, or not as documented', () => {
    assert.equal(codeOf([works, { ...works, name: 'other' }]), 'config-malformed')
    assert.equal(codeOf([works, { ...works, issuer: 'https://other.example' }]), 'config-malformed')
    assert.equal(codeOf([{ ...works, secretFile: 'none' }]), 'file-missing')
    assert.equal(codeOf([{ ...works, secretFile: file('two', 'one\ntwo', 0o600) }]), 'secret-file-malformed')
    assert.equal(codeOf([{ ...works, ca: 'none.pem' }]), 'file-missing')
    for (const odd of [
      { issuer: 'http://id.example' },
      { issuer: 'https://id.example?x' },
      { secret: SECRET },
      { name: 'A B' },
    ]) {
      const read = parseConfig(OpenIdConfig, { ...works, ...odd }, 'fleet.yaml')
      assert.ok(isRefusal(read) && read.code === 'config-malformed', JSON.stringify(odd))
    }
  })

  it('leave the door to who has a certificate, unless it is said otherwise', () => {
    assert.deepEqual(signInOf(undefined), { withoutCertificate: false, openid: [] })
    assert.deepEqual(signInOf(true), { withoutCertificate: true, openid: [] })
    assert.deepEqual(signInOf({ openid: [works] }), { withoutCertificate: false, openid: [works] })
  })
})
