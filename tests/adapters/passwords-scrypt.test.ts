import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OWASP_COST, scryptPasswords } from '../../src/adapters/passwords-scrypt.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'

const CHEAP = { ln: 4, r: 8, p: 1 }

describe('passwords by scrypt', () => {
  it('at the cost that is used, a hash is what another implementation makes of the password', async () => {
    assert.deepEqual(OWASP_COST, { ln: 17, r: 8, p: 1 })
    const passwords = scryptPasswords()
    // Python's hashlib.scrypt, n=2**17, r=8, p=1, over the salt of the bytes 0 to 15.
    const known = '$scrypt$ln=17,r=8,p=1$AAECAwQFBgcICQoLDA0ODw==$TPiHjuvE3HyeQGB5DADayMu+mPnFIwQV588XvSrYyVc='
    assert.equal(await passwords.matches('seven quiet harbours', known), true)
    const hash = orThrow(await passwords.hash('seven quiet harbours'))
    assert.match(hash, /^\$scrypt\$ln=17,r=8,p=1\$/)
    assert.notEqual(hash, known, 'over a salt of its own')
  })

  it('the same password has another hash each time, and matches in any normal form', async () => {
    const passwords = scryptPasswords(CHEAP)
    const [one, two] = [
      orThrow(await passwords.hash('caf\u00e9 de la gare')),
      orThrow(await passwords.hash('caf\u00e9 de la gare')),
    ]
    assert.notEqual(one, two)
    assert.equal(await passwords.matches('cafe\u0301 de la gare', one), true)
    assert.equal(await passwords.matches('cafe de la gare', one), false)
  })

  it('attack: a stored hash that asks for all memory, or is none', async () => {
    const passwords = scryptPasswords(CHEAP)
    const good = orThrow(await passwords.hash('seven quiet harbours'))
    for (const bad of [
      null,
      '',
      good.replace('ln=4', 'ln=40'),
      good.replace('r=8', 'r=99'),
      good.replace('p=1', 'p=9'),
      good.slice(0, -2),
      `${good}=`,
    ]) {
      assert.equal(await passwords.matches('seven quiet harbours', bad), false, `${bad}`)
    }
  })

  it('attack: more who sign in at once than the machine has memory for', async () => {
    const passwords = scryptPasswords({ ...CHEAP, ln: 12 }, 1, 2)
    const all = await Promise.all(Array.from({ length: 6 }, () => passwords.hash('seven quiet harbours')))
    assert.equal(all.filter(one => isRefusal(one) && one.code === 'sign-in-busy').length, 3)
    assert.ok(!isRefusal(await passwords.hash('seven quiet harbours')), 'and afterwards there is room again')
  })
})
