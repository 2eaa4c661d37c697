import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { World } from '../../../sim/doors/world.ts'
import type { AccountDetail } from '../../../src/wire/account-api.ts'
import { type Ended, log, voltseal } from '../../worlds/people.ts'
import { QUAY } from '../../worlds/quay.ts'

const SECRET = 'seven quiet harbours'

/** Accounts from the command line, against a server that people may reach without a certificate. */
describe('accounts from the command line', () => {
  let world: World
  before(async () => {
    world = await World.make({ ...QUAY, signIn: true })
    await world.startFleet()
    for (const name of ['password', 'other']) secretFile(name, name === 'password' ? SECRET : 'eight loud harbours')
  })
  after(() => world?.stop())

  const secretFile = (name: string, text: string, mode = 0o600): string => {
    writeFileSync(world.at(name), `${text}\n`, { mode })
    return world.at(name)
  }
  const must = async (...argv: string[]) => (await world.must(...argv)) as Record<string, unknown>
  const as = (name: string, ...argv: string[]): Promise<Ended> =>
    voltseal(world, argv, { profile: world.at(name, 'profile.yaml') })
  const codeOf = (ended: Ended): string => (ended.exit === 0 ? 'done' : (ended.refusal?.code ?? `exit ${ended.exit}`))

  it('a person is made, signs in, sees what they may do, and signs out', async () => {
    const made = await must('account', 'add', 'ada', '--role', 'planner@region:nl-west', '--name', 'Ada')
    assert.deepEqual([made.roles, made.kind], [['planner@region:nl-west'], 'person'])
    await must('account', 'password', 'ada', '--password-file', world.at('password'))
    await must('account', 'hand-over', 'ada', '--out', world.at('ada'))
    assert.ok(!existsSync(world.at('ada', 'key.pem')), 'no key: she signs in')
    assert.equal(codeOf(await as('ada', 'whoami')), 'sign-in-required')
    assert.equal(codeOf(await as('ada', 'login', '--password-file', world.at('other'))), 'sign-in-wrong')
    const begun = await as('ada', 'login', '--password-file', world.at('password'))
    assert.equal(codeOf(begun), 'done')
    assert.equal(statSync(world.at('ada', 'token')).mode & 0o777, 0o600)
    const secret = readFileSync(world.at('ada', 'token'), 'utf8').trim()
    assert.ok(!JSON.stringify(begun).includes(secret), 'it is shown nowhere')
    const who = (await as('ada', 'whoami')).json as Record<string, unknown>
    assert.deepEqual([who.account, who.by, who.roles], ['ada', 'session', ['planner@region:nl-west']])
    assert.equal(codeOf(await as('ada', 'campaign', 'list')), 'done')
    assert.equal(codeOf(await as('ada', 'audit', 'verify')), 'role-missing')
    assert.equal(codeOf(await as('ada', 'logout')), 'done')
    assert.ok(!existsSync(world.at('ada', 'token')))
    assert.equal(codeOf(await as('ada', 'whoami')), 'sign-in-required')
  })

  it('roles are given and taken, and the list shows them', async () => {
    await must('account', 'roles', 'ada', '--add', 'auditor@fleet', '--remove', 'planner@region:nl-west')
    const list = (await must('account', 'list')) as unknown as { id: string; roles: string[] }[]
    assert.deepEqual(list.find(({ id }) => id === 'ada')?.roles, ['auditor@fleet'])
    assert.equal(codeOf(await voltseal(world, ['account', 'roles', 'ada', '--add', 'king@fleet'])), 'account-malformed')
    assert.equal(
      codeOf(await voltseal(world, ['account', 'roles', 'ada', '--remove', 'operator@fleet'])),
      'usage-error',
    )
    assert.equal(
      codeOf(await voltseal(world, ['account', 'roles', 'administrator', '--add', 'approver@fleet'])),
      'account-own-edit',
    )
  })

  it('a service comes with a token, and with nothing else', async () => {
    await must('account', 'add', 'robot', '--kind', 'service', '--role', 'auditor@fleet')
    const made = await must('account', 'token', 'robot', '--label', 'nightly', '--life', '1d', '--out', world.at('t'))
    assert.equal(made.secret, undefined, 'not on the terminal')
    await must('account', 'hand-over', 'robot', '--out', world.at('robot'))
    writeFileSync(world.at('robot', 'token'), readFileSync(world.at('t')), { mode: 0o644 })
    assert.equal(codeOf(await as('robot', 'audit', 'verify')), 'secret-file-permissions')
    chmodSync(world.at('robot', 'token'), 0o600)
    assert.equal(codeOf(await as('robot', 'audit', 'verify')), 'done')
    const detail = (await must('account', 'show', 'robot')) as unknown as AccountDetail
    assert.deepEqual(
      detail.credentials.map(({ label, kind, usedAt }) => [label, kind, usedAt !== null]),
      [['nightly', 'token', true]],
    )
    await must('account', 'token', 'robot', '--revoke', detail.credentials[0]!.id)
    assert.equal(codeOf(await as('robot', 'audit', 'verify')), 'credential-revoked')
  })

  it('attack: a service that signs in with a password, were there one', async () => {
    assert.equal(
      codeOf(await voltseal(world, ['account', 'password', 'robot', '--password-file', world.at('password')])),
      'account-missing',
    )
    // Straight into the store, as nobody can: the sign-in asks who it is, too.
    await must('account', 'add', 'was-person', '--role', 'auditor@fleet')
    await world.fleet?.close()
    const database = new DatabaseSync(world.at('fleet', 'fleet.sqlite'))
    const row = database.prepare("SELECT account FROM account WHERE id = 'was-person'").get() as { account: Uint8Array }
    const text = Buffer.from(row.account).toString().replace('"person"', '"service"')
    database.prepare("UPDATE account SET account = ? WHERE id = 'was-person'").run(Buffer.from(text))
    // The password is ada's: to make one more costs this test a third of a second.
    database.exec("INSERT INTO password SELECT 'was-person', hash FROM password WHERE account = 'ada'")
    database.close()
    await world.startFleet()
    await must('account', 'hand-over', 'was-person', '--out', world.at('was'))
    assert.equal(codeOf(await as('was', 'login', '--password-file', world.at('password'))), 'sign-in-wrong')
  })

  it('somebody with a certificate comes in as they are; disabled, no more', async () => {
    await must('account', 'add', 'dan', '--role', 'operator@site:quay')
    await must('account', 'hand-over', 'dan', '--out', world.at('dan'), '--certificate')
    assert.equal(codeOf(await as('dan', 'whoami')), 'done')
    assert.equal(codeOf(await as('dan', 'login', '--password-file', world.at('password'))), 'usage-error')
    await must('account', 'disable', 'dan', '--reason', 'left the firm')
    assert.equal(codeOf(await as('dan', 'whoami')), 'account-disabled')
    const text = await voltseal(world, ['account', 'show', 'dan'])
    assert.deepEqual((text.json as AccountDetail).disabled?.reason, 'left the firm')
    await must('account', 'enable', 'dan')
    assert.equal(codeOf(await as('dan', 'whoami')), 'done')
  })

  it('an account is linked to who somebody is elsewhere, and to nobody twice', async () => {
    const at = ['--provider', 'https://id.example/works']
    await must('account', 'identity', 'dan', ...at, '--subject', '248289761001')
    const shown = (await must('account', 'show', 'dan')) as unknown as AccountDetail
    assert.deepEqual(shown.externals, [{ provider: at[1], subject: '248289761001' }])
    assert.deepEqual([shown.passkeys, shown.password], [[], false])
    const taken = await voltseal(world, ['account', 'identity', 'robot', ...at, '--subject', '248289761001'])
    assert.equal(codeOf(taken), 'account-external-taken')
    assert.equal(codeOf(await voltseal(world, ['account', 'identity', 'dan', ...at])), 'usage-error')
    await must('account', 'identity', 'dan', ...at, '--remove')
    assert.equal(codeOf(await voltseal(world, ['account', 'identity', 'dan', ...at, '--remove'])), 'usage-error')
  })

  it('a plan is rejected by an approver, with the reason', async () => {
    const approver = { profile: world.profileOf('approver-0') }
    const unknown = await voltseal(world, ['campaign', 'reject', 'none', '--reason', 'x'], approver)
    assert.equal(codeOf(unknown), 'campaign-unknown')
    assert.equal(codeOf(await voltseal(world, ['campaign', 'reject', 'none', '--reason', 'x'])), 'role-missing')
  })

  it('when nobody can come in: the server’s own machine makes an administrator, while it does not serve', async () => {
    const recover = ['fleet', 'recover', world.at('fleet'), '--account', 'rescue']
    assert.equal(codeOf(await voltseal(world, recover)), 'data-folder-in-use')
    await world.fleet?.close()
    const recovered = await voltseal(world, recover)
    assert.equal(codeOf(recovered), 'done', recovered.said)
    assert.equal(codeOf(await voltseal(world, recover)), 'file-exists')
    await world.startFleet()
    const profile = world.profileOf('rescue')
    assert.equal(
      codeOf(await voltseal(world, ['account', 'disable', 'administrator', '--reason', 'key lost'], { profile })),
      'done',
    )
    assert.equal(codeOf(await voltseal(world, ['whoami'])), 'account-disabled')
    assert.equal(codeOf(await voltseal(world, ['account', 'enable', 'administrator'], { profile })), 'done')
    const entries = (await log(world)).filter(({ kind }) => kind === 'account-changed')
    assert.ok(entries.some(({ detail, actor }) => detail.event === 'recovered' && actor.kind === 'fleet'))
  })
})
