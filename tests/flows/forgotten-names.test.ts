import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { scryptPasswords } from '../../src/adapters/passwords-scrypt.ts'
import { nodeRandom } from '../../src/adapters/random-node.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { millis } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { signatureBy } from '../../src/core/trust/repository.ts'
import { admit, type Who } from '../../src/flows/admit.ts'
import { addAccount, editAccount, makeToken, setPassword } from '../../src/flows/appoint.ts'
import { approve, draftOf } from '../../src/flows/approve.ts'
import { Memory } from '../../src/flows/attempts.ts'
import { command } from '../../src/flows/campaign.ts'
import { subscribe } from '../../src/flows/deliver.ts'
import { forget } from '../../src/flows/forget.ts'
import { beginImport } from '../../src/flows/import.ts'
import { createCampaign } from '../../src/flows/plan.ts'
import { localIdentities, signIn } from '../../src/flows/sign-in.ts'
import { Bench } from '../threats/bench.ts'
import { anywhere } from '../worlds/anywhere.ts'
import { usualPlan } from '../worlds/asked.ts'
import { grants } from '../worlds/people-door.ts'

const NAME = 'mirabel-quartermaine'
const PASSWORD = 'seven quiet harbours'

describe('somebody who did everything that one can do, and is forgotten', () => {
  let bench: Bench
  let root: Who
  before(async () => {
    bench = await Bench.make()
    root = orThrow(await admit(bench.fleet.world, { by: 'certificate', person: 'administrator' }))
  })
  after(() => bench?.close())

  /** Where the store has the name: as TABLE.COLUMN, and whose row it is. */
  function places(): string[] {
    bench.fleet.shut()
    const database = new DatabaseSync(fleetFiles(join(bench.fleet.folder, 'fleet')).database)
    const found: string[] = []
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[]
    for (const { name } of tables) {
      for (const row of database.prepare(`SELECT * FROM ${name}`).all()) {
        for (const [column, value] of Object.entries(row)) {
          const text = typeof value === 'string' ? value : value instanceof Uint8Array ? Buffer.from(value) : ''
          if (!text.includes(NAME)) continue
          found.push(`${name}.${column} of ${row.id ?? row.path ?? row.ix ?? 'one'}`)
        }
      }
    }
    database.close()
    bench.fleet.open()
    return found.sort()
  }

  it('is named in the plan that they drew up, which is signed, and nowhere else in the store', async () => {
    const { fleet } = bench
    const { world } = fleet
    orThrow((await command(world, 'ada', 'spring', 'halt', 'another one comes')) ?? true)
    const approver = fleet.key('approver-0')
    const roles = grants('planner@fleet', 'approver@fleet', 'administrator@fleet')
    const keyid = signatureBy(approver.key, new Uint8Array(64), crypto).keyid
    orThrow(await addAccount(world, root, { id: NAME, kind: 'person', name: `M. (${NAME})`, grants: roles, keys: [] }))
    const who = orThrow(await admit(world, { by: 'certificate', person: NAME }))
    // A sign-in that fails and one that does not, with a session, a token and a password.
    const passwords = scryptPasswords({ ln: 4, r: 8, p: 1 })
    const local = localIdentities(world, passwords)
    const reception = { world, random: nodeRandom, providers: new Map([[local.name, local]]), memory: new Memory() }
    orThrow(await setPassword(reception, passwords, root, NAME, { password: PASSWORD, current: null }))
    const from = { address: '192.0.2.7', kind: 'session' } as const
    const proof = { at: 'password', account: NAME, password: PASSWORD } as const
    assert.ok(isRefusal(await signIn(reception, 'local', { ...proof, password: 'another one' }, from)))
    orThrow(await signIn(reception, 'local', proof, from))
    orThrow(await makeToken(reception, who, NAME, { label: 'of hers', grants: null, lifeMillis: millis(60_000) }))
    // A plan, a signature of somebody else's plan, a command, a list, a webhook, an account.
    const drawn = await createCampaign(world, who, usualPlan('summer', ['bms/1.2.0/envelope.suit']), false, anywhere)
    orThrow(drawn)
    for (const name of ['approver-0', 'approver-1']) await bench.approve('summer', name)
    orThrow((await command(world, who, 'summer', 'start', null)) ?? true)
    orThrow((await command(world, who, 'summer', 'halt', 'no longer wanted')) ?? true)
    orThrow(await editAccount(world, root, 'approver-0', { keys: [] }))
    orThrow(await editAccount(world, root, NAME, { keys: [keyid] }))
    await bench.plan('autumn', bench.releases['1.2.0'])
    const { signed } = orThrow(await draftOf(world, 'autumn'))
    const signature = signatureBy(approver.key, orThrow(await approver.sign(signableBytes(signed), 'der')), crypto)
    orThrow(await approve(world, who, 'autumn', signature))
    orThrow((await command(world, who, 'autumn', 'halt', 'enough')) ?? true)
    orThrow(await beginImport(world, who, 'list.csv', ['site', 'controller', 'class', 'hardware', 'region']))
    const link = { refuses: () => null } as unknown as Parameters<typeof subscribe>[1]['link']
    const hook = { id: 'hers', url: 'https://desk.example/', events: [], site: null, secret: new Uint8Array(32) }
    orThrow(await subscribe(world, { webhooks: fleet.webhooks, link }, who, hook))
    orThrow(
      await addAccount(world, who, {
        id: 'somebody',
        kind: 'service',
        name: 'x',
        grants: grants('auditor@fleet'),
        keys: [],
      }),
    )
    const service = { label: 'of the service', grants: null, lifeMillis: millis(60_000) }
    orThrow(await makeToken(reception, who, 'somebody', service))
    assert.ok(places().length > 8, 'the store knows them well')
    orThrow(await editAccount(fleet.world, root, NAME, { disabled: 'left' }))
    orThrow(await forget(fleet.world, root, NAME))
    assert.deepEqual(places(), ['campaign.plan of summer'])
  })
})
