import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { fromUtf8, utf8 } from '../../src/core/encoding/bytes.ts'
import { millis } from '../../src/core/encoding/units.ts'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import { pseudonymOf } from '../../src/core/ledger/pseudonym.ts'
import { addressOf, tried } from '../../src/core/ledger/telling.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import { accountOf, accountsOf, admit, type Who } from '../../src/flows/admit.ts'
import { addAccount, editAccount, makeToken } from '../../src/flows/appoint.ts'
import { Memory } from '../../src/flows/attempts.ts'
import { forget } from '../../src/flows/forget.ts'
import { forgetStrangers } from '../../src/flows/persons.ts'
import { verifyStore } from '../../src/flows/prove.ts'
import { NOBODY, noteRefusal } from '../../src/flows/refused.ts'
import { grants } from '../worlds/people-door.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { Died, Interruptor } from './interruption/interruptor.ts'

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
  /** The files of the server that have a text in them. */
  const filesWith = (text: string): string[] =>
    readdirSync(join(fleet.folder, 'fleet'), { recursive: true, withFileTypes: true })
      .filter(file => file.isFile() && readFileSync(join(file.parentPath, file.name)).includes(text))
      .map(({ name }) => name)
  /** Leaves bytes on the first page of a table between its rows, as SQLite does where it has moved one to another page. */
  const leave = (table: string, text: string): void => {
    fleet.shut()
    const { database: file } = fleetFiles(join(fleet.folder, 'fleet'))
    const database = new DatabaseSync(file)
    const { rootpage } = database.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(table) as {
      rootpage: number
    }
    const { page_size: size } = database.prepare('PRAGMA page_size').get() as { page_size: number }
    database.close()
    const bytes = readFileSync(file)
    const page = bytes.subarray((rootpage - 1) * size, rootpage * size)
    // sqlite.org/fileformat2.html#b_tree_pages: behind the pointers to the cells, before the first cell.
    const pointers = (page[0]! > 8 ? 8 : 12) + 2 * page.readUInt16BE(3)
    assert.ok(page.readUInt16BE(5) - pointers > text.length, `no room on the first page of ${table}`)
    page.write(text, pointers)
    writeFileSync(file, bytes)
    fleet.open()
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
    assert.deepEqual(filesWith(NAME), [])
  })

  for (const mode of ['lost', 'unanswered'] as const) {
    it(`power fails when somebody is forgotten, ${mode}: all of them is there, or nothing; and the log is whole`, async () => {
      const name = `cut-${mode}`
      const asked = { id: name, kind: 'person', name, grants: grants('auditor@fleet'), keys: [] } as const
      orThrow(await addAccount(fleet.world, root, asked))
      orThrow(await editAccount(fleet.world, root, name, { disabled: 'left' }))
      const told = async () => (await fleet.entries()).filter(({ kind }) => kind === 'account-forgotten').length
      const before = await told()
      const interruptor = new Interruptor(1, mode)
      fleet.open([], store => interruptor.store(store))
      await assert.rejects(forget(fleet.world, root, name), Died)
      fleet.open()
      const gone = mode === 'unanswered'
      assert.equal(await told(), before + (gone ? 1 : 0), 'what was done was told, and nothing else')
      assert.equal((await fleet.world.store.people.person(name)) === null, gone)
      assert.equal((await accountOf(fleet.world, name)) === null, gone)
      // Whoever was not answered asks again: it is done once.
      assert.equal(codeOf(await forget(fleet.world, root, name)), gone ? 'account-missing' : 'done')
      assert.equal(await told(), before + 1)
      assert.deepEqual(filesWith(name), [])
      const key = { name: fleet.world.name, key: fleet.world.auditSigner.key }
      assert.deepEqual(orThrow(await verifyStore(fleet.world.store, key, crypto)).findings, [])
    })
  }

  it('power fails between the commit and the wiping: the next start wipes', async () => {
    const name = 'torn-quartermaine'
    const asked = { kind: 'person', name, grants: grants('auditor@fleet'), keys: [] } as const
    orThrow(await addAccount(fleet.world, root, { id: name, ...asked }))
    orThrow(await editAccount(fleet.world, root, name, { disabled: 'left' }))
    const { database } = fleetFiles(join(fleet.folder, 'fleet'))
    const files = [database, `${database}-wal`]
    let disk: Uint8Array[] = []
    fleet.committed = () => {
      disk = files.map(file => readFileSync(file))
    }
    orThrow(await forget(fleet.world, root, name))
    fleet.committed = () => undefined
    fleet.shut()
    for (const [at, file] of files.entries()) writeFileSync(file, disk[at]!)
    assert.notDeepEqual(filesWith(name), [], 'what was forgotten is still on the disk')
    fleet.open()
    assert.equal(await accountOf(fleet.world, name), null)
    assert.deepEqual(filesWith(name), [])
  })

  it('attack: an account among many, between the rows of the store; all others stay as they are', async () => {
    const asked = { kind: 'person', grants: grants('auditor@fleet'), keys: [] } as const
    const names = Array.from({ length: 40 }, (_, n) => `crew-${n}`)
    for (const id of names) orThrow(await addAccount(fleet.world, root, { id, name: `Crew ${id}`, ...asked }))
    for (const id of names) orThrow(await editAccount(fleet.world, root, id, { name: `The ${id}` }))
    const token = { label: 'all of these', grants: null, lifeMillis: millis(60_000) }
    const { world } = fleet
    for (const id of names.slice(5, 9)) {
      const who = orThrow(await admit(world, { by: 'certificate', person: id }))
      orThrow(await makeToken({ world, random: world.random }, who, id, token))
    }
    const others = async () => {
      const all = orThrow(await accountsOf(fleet.world)).filter(({ id }) => id !== 'crew-7')
      const credentials = await Promise.all(all.map(({ id }) => fleet.world.store.credentials(id)))
      return { all, credentials }
    }
    const before = await others()
    orThrow(await editAccount(fleet.world, root, 'crew-7', { disabled: 'left' }))
    for (const table of ['account', 'password', 'credential', 'answer', 'person', 'pseudonym']) leave(table, 'crew-7')
    orThrow(await forget(fleet.world, root, 'crew-7'))
    assert.deepEqual(await others(), before)
    // The others are there by their names; this one is the beginning of none of them.
    assert.deepEqual(filesWith('crew-7'), [])
    assert.notDeepEqual(filesWith('crew-8'), [])
  })

  // --- Names that were only tried ---

  const DAY = 86_400_000
  const knocks = async (name: string) => {
    const memory = { world: fleet.world, memory: new Memory() }
    const refusal = refuse('sign-in-wrong', name, 'an account with its own password', 'another pair')
    const about = { people: [tried(name)], detail: { account: tried(name), address: addressOf(name, '192.0.2.7') } }
    await noteRefusal(memory, NOBODY, 'sign-in', refusal, about)
    const entry = orThrow(parseEntry((await raw()).at(-1)!.bytes, 'the last entry'))
    return { account: `${entry.detail.account}`, address: `${entry.detail.address}` }
  }
  const known = async (...pseudonyms: string[]) => [...(await fleet.world.store.people.named(pseudonyms)).values()]

  it('a name that was only tried is known for 30 days, and then no more: neither it nor where it came from', async () => {
    const { account, address } = await knocks('guesswork-one')
    fleet.clock.advance(30 * DAY)
    await forgetStrangers(fleet.world)
    assert.deepEqual(await known(account, address), ['guesswork-one', '192.0.2.7'])
    fleet.clock.advance(1)
    const { size } = await fleet.world.store.log()
    await forgetStrangers(fleet.world)
    assert.deepEqual(await known(account, address), [])
    assert.deepEqual(filesWith('guesswork-one'), [])
    assert.equal((await fleet.world.store.log()).size, size, 'it is no entry of its own')
    const key = { name: fleet.world.name, key: fleet.world.auditSigner.key }
    assert.deepEqual(orThrow(await verifyStore(fleet.world.store, key, crypto)).findings, [])
  })

  it('somebody who was known later is kept; and so is the name of everybody else', async () => {
    const other = await knocks('later-employed')
    const asked = { kind: 'person', name: 'x', grants: grants('auditor@fleet'), keys: [] } as const
    orThrow(await addAccount(fleet.world, root, { id: 'later-employed', ...asked }))
    fleet.clock.advance(31 * DAY)
    const young = await knocks('guesswork-three')
    await forgetStrangers(fleet.world)
    assert.deepEqual(await known(other.account, young.account), ['later-employed', 'guesswork-three'])
  })

  it('attack: names between the rows of the store, where it moved them as they became many', async () => {
    const names = Array.from({ length: 150 }, (_, n) => `crowd-${n}`)
    const said: string[] = []
    for (const name of names) said.push((await knocks(name)).account)
    assert.equal((await known(...said)).length, 150)
    for (const table of ['person', 'pseudonym']) leave(table, 'crowd-ghost')
    fleet.clock.advance(31 * DAY)
    await forgetStrangers(fleet.world)
    assert.deepEqual(await known(...said), [])
    assert.deepEqual(filesWith('crowd-'), [])
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
