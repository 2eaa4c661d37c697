import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { fromUtf8, utf8 } from '../../src/core/encoding/bytes.ts'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import { pseudonymOf } from '../../src/core/ledger/pseudonym.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { admit, type Who } from '../../src/flows/admit.ts'
import { addAccount, editAccount } from '../../src/flows/appoint.ts'
import { forget } from '../../src/flows/forget.ts'
import { verifyStore } from '../../src/flows/prove.ts'
import { grants } from '../worlds/people-door.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

const NAME = 'mirabel-quartermaine'

describe('forgetting a person', () => {
  let fleet: QuietFleet
  let root: Who
  before(async () => {
    fleet = await QuietFleet.make()
    root = orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))
  })
  after(() => fleet?.close())

  const make = () => {
    const asked = { id: NAME, kind: 'person', name: 'Mirabel', grants: grants('auditor@fleet'), keys: [] } as const
    return addAccount(fleet.world, root, asked)
  }
  const raw = async () => {
    const { size } = await fleet.world.store.log()
    return fleet.world.store.entries(0, size)
  }
  const codeOf = (result: unknown): string => (isRefusal(result) ? (result as Refusal).code : 'done')

  it('attack: a guessed name, tried on what the log says without the salt', async () => {
    orThrow(await make())
    const rows = await raw()
    const whole = rows.map(({ bytes }) => fromUtf8(bytes)).join('\n')
    assert.doesNotMatch(whole, new RegExp(NAME))
    const guesses = [utf8(NAME), utf8(`voltseal person\n${NAME}`)].map(guess => crypto.sha256(guess).toHex())
    for (const guess of guesses) assert.doesNotMatch(whole, new RegExp(guess))
    const zeros = pseudonymOf(crypto, new Uint8Array(32), 'person', NAME)
    assert.ok(!whole.includes(zeros))
    const row = await fleet.world.store.people.person(NAME)
    assert.ok(row !== null && whole.includes(pseudonymOf(crypto, row.salt, 'person', NAME)), 'with the salt it fits')
  })

  it('refuses who is in force, and who is nobody', async () => {
    assert.equal(codeOf(await forget(fleet.world, root, NAME)), 'account-in-force')
    assert.equal(codeOf(await forget(fleet.world, root, 'nobody-here')), 'account-missing')
  })

  it('leaves a log that verifies, a pseudonym that nobody can read, and no trace in the files of the store', async () => {
    orThrow(await editAccount(fleet.world, root, NAME, { disabled: 'left' }))
    const before = await raw()
    const { pseudonym } = orThrow(await forget(fleet.world, root, NAME))
    assert.ok(pseudonym !== null)
    const rows = await raw()
    assert.deepEqual(rows.slice(0, before.length), before, 'the log stays as it is')
    const last = orThrow(parseEntry(rows.at(-1)!.bytes, 'the last entry'))
    assert.deepEqual([last.kind, last.detail.account], ['account-forgotten', pseudonym])
    const key = { name: fleet.world.name, key: fleet.world.auditSigner.key }
    assert.deepEqual(orThrow(await verifyStore(fleet.world.store, key, crypto)).findings, [])
    assert.equal((await fleet.world.store.people.named([pseudonym])).size, 0)
    const folder = join(fleet.folder, 'fleet')
    for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue
      assert.ok(!readFileSync(join(file.parentPath, file.name)).includes(NAME), `${file.name} still knows the name`)
    }
  })

  it('attack: an account of the same name, made again, is not taken for the one that was forgotten', async () => {
    const old = (await fleet.entries()).findLast(({ kind }) => kind === 'account-forgotten')?.detail.account
    orThrow(await make())
    const row = await fleet.world.store.people.person(NAME)
    assert.ok(row !== null)
    assert.notEqual(pseudonymOf(crypto, row.salt, 'person', NAME), old)
    assert.equal((await fleet.world.store.people.named([`${old}`])).size, 0)
  })
})
