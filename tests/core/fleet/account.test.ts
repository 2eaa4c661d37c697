import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { instant, type Millis } from '../../../src/core/encoding/units.ts'
import {
  type Account,
  accountBytes,
  newAccount,
  parseAccount,
  readGrant,
  readScope,
  refuseEdit,
  refusePassword,
} from '../../../src/core/fleet/account.ts'
import {
  type Attempts,
  afterFailure,
  FROM_ANYWHERE,
  FROM_ONE_ADDRESS,
  waitFor,
} from '../../../src/core/fleet/attempts.ts'
import { grantText, ROLE_NAMES, scopeText } from '../../../src/core/fleet/roles.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'

const NOW = instant(1_790_000_000_000)
const APART = { separateOrganisations: true }

const account = (id: string, ...roles: readonly string[]): Account =>
  newAccount({ id, kind: 'person', name: id, grants: roles.map(one => readGrant(one)!) }, NOW)
const disabled = (one: Account): Account => ({ ...one, standing: { at: 'disabled', since: NOW, reason: 'left' } })
const withKey = (one: Account, key: string): Account => ({ ...one, keys: [key.repeat(64)] })

describe('an edit of an account', () => {
  const root = account('root', 'administrator@fleet')
  const other = account('other', 'administrator@fleet')
  const ada = account('ada', 'planner@fleet')
  const rows: readonly [
    name: string,
    edit: readonly [before: Account | null, next: Account, editor: string | null, others: readonly Account[]],
    code: string | null,
  ][] = [
    [
      'attack: one’s own roles',
      [root, account('root', 'administrator@fleet', 'auditor@fleet'), 'root', [root, other]],
      'account-own-edit',
    ],
    ['another’s roles', [ada, account('ada', 'operator@fleet'), 'root', [root, ada]], null],
    [
      'attack: the last administrator’s role',
      [root, account('root'), 'other', [root, disabled(other)]],
      'account-last-administrator',
    ],
    ['attack: the last administrator’s standing', [root, disabled(root), 'x', [root]], 'account-last-administrator'],
    [
      'attack: the last administrator becomes one of a region',
      [root, account('root', 'administrator@region:nl'), 'x', [root]],
      'account-last-administrator',
    ],
    [
      'attack: the last administrator, whose only peer is a service',
      [root, disabled(root), 'x', [root, { ...other, kind: 'service' }]],
      'account-last-administrator',
    ],
    ['one of two administrators', [root, disabled(root), 'other', [root, other]], null],
    [
      'attack: maker and operator in one',
      [null, account('both', 'release-manager@fleet', 'planner@fleet'), 'root', [root]],
      'organisations-mixed',
    ],
    [
      'attack: maker and operator in one, in a region of it',
      [null, account('both', 'release-manager@fleet', 'approver@region:nl'), 'root', [root]],
      'organisations-mixed',
    ],
    [
      'attack: maker and operator, site against region',
      [null, account('both', 'release-manager@site:quay', 'operator@region:nl'), 'root', [root]],
      'organisations-mixed',
    ],
    [
      'maker here and operator there',
      [null, account('both', 'release-manager@region:uk', 'operator@region:nl'), 'root', [root]],
      null,
    ],
    ['a maker who audits', [null, account('maker', 'release-manager@fleet', 'auditor@fleet'), 'root', [root]], null],
    [
      'attack: a key that another account approves with',
      [ada, withKey(ada, 'a'), 'root', [root, withKey(other, 'a')]],
      'account-key-taken',
    ],
    ['a key of its own', [ada, withKey(ada, 'a'), 'root', [root, withKey(other, 'b')]], null],
    ['one role twice', [ada, account('ada', 'planner@fleet', 'planner@fleet'), 'root', [root]], 'account-malformed'],
  ]
  for (const [name, [before, next, editor, others], code] of rows) {
    it(`${name}: ${code ?? 'done'}`, () => {
      assert.equal(refuseEdit(before, next, editor, others, APART)?.code ?? null, code)
    })
  }

  it('maker and operator in one, where the fleet says that they are one firm', () => {
    const both = account('both', 'release-manager@fleet', 'planner@fleet')
    assert.equal(refuseEdit(null, both, 'root', [root], { separateOrganisations: false }), null)
  })
})

describe('an account in the store', () => {
  it('is read back as it was written', () => {
    const whole = {
      ...disabled(withKey(account('ada', 'planner@fleet', 'operator@site:quay'), 'a')),
      externals: [{ provider: 'https://id.example', subject: '12' }],
    }
    assert.deepEqual(parseAccount(accountBytes(whole), 'account ada'), whole)
  })

  it('is refused when it is not one', () => {
    for (const bad of [
      '',
      '{}',
      '[]',
      'null',
      `{"v":2}`,
      new TextDecoder().decode(accountBytes(account('ada'))).replace('"v":1', '"v":1,"more":1'),
    ]) {
      const read = parseAccount(utf8(bad), 'account ada')
      assert.ok(isRefusal(read) && read.code === 'account-malformed', bad)
    }
  })

  it('writes roles and scopes as it reads them, and no others', () => {
    const scopes = ['fleet', 'region:nl-west', 'site:quay']
    for (const scope of scopes) {
      assert.equal(scopeText(readScope(scope)!), scope)
      for (const role of ROLE_NAMES) assert.equal(grantText(readGrant(`${role}@${scope}`)!), `${role}@${scope}`)
    }
    for (const bad of ['', 'fleet:x', 'region:', 'region:NL', 'site:../x', 'site:a:b', 'planet'])
      assert.equal(readScope(bad), null, bad)
    for (const bad of ['planner', 'planner@', '@fleet', 'planner@fleet@fleet', 'toString@fleet', 'Planner@fleet']) {
      assert.equal(readGrant(bad), null, bad)
    }
  })
})

describe('passwords', () => {
  it('are long, are not the account’s name, and are not one letter', () => {
    for (const [password, good] of [
      ['seven quiet harbours', true],
      ['fourteen chars', false],
      ['x'.repeat(40), false],
      ['ADA has seven boats', false],
      ['parades of seven boats', true],
      ['𝔰𝔢𝔳𝔢𝔫 𝔮𝔲𝔦𝔢𝔱 𝔥𝔞𝔯𝔟', true],
      ['a'.repeat(250) + 'bcdefgh', false],
    ] as const) {
      assert.equal(refusePassword(password, 'ada')?.code ?? null, good ? null : 'password-weak', password)
    }
    assert.equal(refusePassword('sevenadalinesfar', 'adaline')?.code, 'password-weak')
  })

  it('attack: guessing for a day from one address, and from a thousand, as fast as one may', () => {
    for (const [rule, most] of [
      [FROM_ONE_ADDRESS, 40],
      [FROM_ANYWHERE, 100],
    ] as const) {
      let attempts: Attempts | undefined
      let now = NOW as number
      let tries = 0
      for (const end = now + 86_400_000; now < end; tries += 1) {
        now += Math.max(1, waitFor(attempts, instant(now)))
        attempts = afterFailure(attempts, instant(now), rule)
      }
      assert.ok(tries < most, `${tries} tries`)
    }
  })

  it('a lock never lasts longer than it was meant to, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -7_200_000, max: 7_200_000 }), { maxLength: 30 }), steps => {
        let now = NOW as number
        let attempts: Attempts | undefined
        for (const step of steps) {
          now += step
          const wait: Millis = waitFor(attempts, instant(now))
          if (wait > FROM_ONE_ADDRESS.longest) return false
          if (wait === 0) attempts = afterFailure(attempts, instant(now), FROM_ONE_ADDRESS)
        }
        return true
      }),
    )
  })
})
