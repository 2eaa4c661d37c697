import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { ROLES, roleAllows } from '../../../src/core/fleet/roles.ts'
import {
  MOST_SITE_PEOPLE,
  parseSitePeople,
  SITE_ROLES,
  type SitePerson,
  sitePeopleText,
} from '../../../src/core/fleet/site-people.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'

const HASH = '$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
const person = (name: string, more: object = {}) => ({
  name,
  role: 'technician',
  salt: 'ab'.repeat(32),
  password: HASH,
  since: 1_800_000_000_000,
  ...more,
})
const file = (people: readonly unknown[], more: object = {}) =>
  JSON.stringify({ kind: 'voltseal-site-people', v: 1, site: 'quay', people, ...more })
const read = (text: string) => parseSitePeople(utf8(text), 'quay', 'people.json')

describe('the list of who may sign in at a gateway', () => {
  it('is read as it was written, those who are shut out too', () => {
    const people: SitePerson[] = [
      {
        name: 'ida',
        role: 'technician',
        salt: new Uint8Array(32).fill(7),
        standing: { at: 'in-force', password: HASH },
        since: instant(1),
      },
      { name: 'ole', role: 'site-engineer', salt: new Uint8Array(32), standing: { at: 'disabled' }, since: instant(2) },
    ]
    assert.deepEqual(orThrow(read(sitePeopleText('quay', people))), people)
    assert.deepEqual(orThrow(read(file([]))), [])
  })

  for (const [name, text] of [
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['another kind', file([], { kind: 'voltseal-people' })],
    ['another version', file([], { v: 2 })],
    ['another site', file([], { site: 'reef' })],
    ['a member too many', file([], { more: 1 })],
    ['a member twice', file([]).replace('"v":1', '"v":1,"v":1')],
    ['no name', file([person('')])],
    ['a name with a slash', file([person('a/b')])],
    ['a name twice', file([person('ida'), person('ida')])],
    ['another role', file([person('ida', { role: 'administrator' })])],
    ['a role of nobody', file([person('ida', { role: '__proto__' })])],
    ['a short salt', file([person('ida', { salt: 'ab' })])],
    ['a password that is no hash', file([person('ida', { password: 'open sesame' })])],
    ['a password that is missing', file([{ ...person('ida'), password: undefined }])],
    ['a hash without end', file([person('ida', { password: `$scrypt$${'a'.repeat(300)}` })])],
    ['a time before all times', file([person('ida', { since: -1 })])],
    ['a person too many', file(Array.from({ length: MOST_SITE_PEOPLE + 1 }, (_, n) => person(`p${n}`)))],
    ['too long', `${file([])}${' '.repeat(70_000)}`],
  ] as const) {
    it(`${name}: site-people-unusable, without a word of what is in it`, () => {
      const refusal = read(text)
      assert.ok(isRefusal(refusal) && refusal.code === 'site-people-unusable', name)
      assert.doesNotMatch(JSON.stringify(refusal), /open sesame|scrypt|abab/)
    })
  }

  it('roles of a site are of the one table, may read there, and change nothing that concerns the whole fleet', () => {
    for (const role of SITE_ROLES) {
      assert.ok(ROLES.some(one => one.role === role && one.side === 'operator'))
      assert.ok(roleAllows(role, 'read-inventory'))
      for (const action of ['manage-accounts', 'publish', 'approve', 'start'] as const) {
        assert.equal(roleAllows(role, action), false)
      }
    }
  })
})
