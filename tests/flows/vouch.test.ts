import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { mayAt } from '../../src/apps/fleet/places.ts'
import { accountBytes, newAccount } from '../../src/core/fleet/account.ts'
import { isRefusal, orThrow, type Refusal, sentence } from '../../src/core/refusal/refusal.ts'
import { planPath } from '../../src/core/trust/mapping.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { signatureBy } from '../../src/core/trust/repository.ts'
import { admit, type Who } from '../../src/flows/admit.ts'
import { addAccount, editAccount } from '../../src/flows/appoint.ts'
import { approve, draftOf } from '../../src/flows/approve.ts'
import { command } from '../../src/flows/campaign.ts'
import { openRepository } from '../../src/flows/keep.ts'
import { openCampaign } from '../../src/flows/opened.ts'
import { createCampaign } from '../../src/flows/plan.ts'
import { reject } from '../../src/flows/vouch.ts'
import { Bench } from '../threats/bench.ts'
import { anywhere } from '../worlds/anywhere.ts'
import { usualPlan } from '../worlds/asked.ts'
import { grants } from '../worlds/people-door.ts'

const ID = 'autumn'

/** Two of two approvers must sign, each with their own account and key. `ada` draws plans up. */
describe('whose approval counts', () => {
  let bench: Bench
  let root: Who
  beforeEach(async () => {
    bench = await Bench.make()
    root = orThrow(await admit(bench.fleet.world, { by: 'certificate', person: 'administrator' }))
    orThrow((await command(bench.fleet.world, 'ada', 'spring', 'halt', 'another one comes')) ?? true)
    await bench.plan(ID, bench.releases['1.2.0'])
  })
  afterEach(() => bench?.close())

  const world = () => bench.fleet.world
  async function signature(key: string, id = ID) {
    const { signed } = orThrow(await draftOf(world(), id))
    const signer = bench.fleet.key(key)
    return signatureBy(signer.key, orThrow(await signer.sign(signableBytes(signed), 'der')), crypto)
  }
  const sign = async (person: string, key = person) => approve(world(), person, ID, await signature(key))
  const codeOf = (result: unknown): string | null => (isRefusal(result) ? (result as Refusal).code : null)
  const have = async (): Promise<number> => orThrow(await draftOf(world(), ID)).have.length
  const approved = async (): Promise<boolean> =>
    orThrow(await openRepository(world(), 'approval')).targets!.signed.targets.has(planPath(ID))

  it('attack: the one who drew the plan up approves it', async () => {
    orThrow(
      await addAccount(world(), root, {
        id: 'ada',
        kind: 'person',
        name: 'Ada',
        grants: grants('approver@fleet'),
        keys: [],
      }),
    )
    const { keyid } = await signature('approver-0')
    orThrow(await editAccount(world(), root, 'approver-0', { keys: [] }))
    orThrow(await editAccount(world(), root, 'ada', { keys: [keyid] }))
    assert.equal(codeOf(await sign('ada', 'approver-0')), 'approval-by-creator')
    assert.equal(await have(), 0)
  })

  it('a pause, a halt and a roll-back need a reason; nothing happens without', async () => {
    for (const verb of ['pause', 'halt', 'roll-back'] as const) {
      for (const reason of [null, ' ']) {
        assert.equal(codeOf(await command(world(), 'ada', ID, verb, reason)), 'campaign-reason-missing', verb)
      }
    }
    assert.equal(orThrow(await openCampaign(world(), ID)).rollout.state.at, 'created')
  })

  it('attack: the same key in two accounts of one person', async () => {
    const { keyid } = await signature('approver-0')
    const ada = { id: 'ada', kind: 'person', name: 'Ada', grants: grants('planner@fleet'), keys: [keyid] } as const
    assert.equal(codeOf(await addAccount(world(), root, ada)), 'account-key-taken', 'nobody can be made so')
    // Even where the store says so, as an older one could.
    const account = { ...newAccount(ada, world().clock.now()), keys: [keyid] }
    await world().store.commit({ accounts: [{ id: 'ada', account: accountBytes(account) }] })
    assert.equal(codeOf(await sign('approver-0')), 'approval-by-creator')
  })

  it('attack: one person with two keys of approvers approves alone', async () => {
    const other = (await signature('approver-1')).keyid
    const own = (await signature('approver-0')).keyid
    orThrow(await editAccount(world(), root, 'approver-1', { keys: [] }))
    orThrow(await editAccount(world(), root, 'approver-0', { keys: [own, other] }))
    orThrow(await sign('approver-0'))
    assert.equal(codeOf(await sign('approver-0', 'approver-1')), 'approval-twice')
    assert.equal(await have(), 1)
    assert.ok(!(await approved()), 'two keys of one person are not two people')
  })

  it('attack: a key goes from one account to another between two signatures', async () => {
    const own = (await signature('approver-0')).keyid
    const other = (await signature('approver-1')).keyid
    orThrow(await sign('approver-0'))
    orThrow(await editAccount(world(), root, 'approver-0', { keys: [] }))
    orThrow(await editAccount(world(), root, 'approver-1', { keys: [own, other] }))
    assert.equal(await have(), 1, 'it is the signature of approver-1 now')
    assert.equal(codeOf(await sign('approver-1')), 'approval-twice')
    assert.ok(!(await approved()))
  })

  it('attack: a signature that somebody else brings, and a role that is not there', async () => {
    assert.equal(codeOf(await sign('approver-1', 'approver-0')), 'approval-key-not-own')
    assert.equal(codeOf(await sign('nobody', 'approver-0')), 'account-missing')
    orThrow(await editAccount(world(), root, 'approver-0', { grants: grants('approver@site:elsewhere') }))
    assert.equal(codeOf(await sign('approver-0')), 'role-missing')
    assert.equal(await have(), 0)
  })

  it('attack: an approver of one site approves a plan that controllers of another site join later', async () => {
    const reports = bench.controllers.map(({ element }) => element.reportKey.spki)
    await bench.fleet.site('pier', 2, { gateway: bench.site.signer.key.spki, reports })
    orThrow((await command(world(), 'ada', ID, 'halt', 'another one comes')) ?? true)
    const asked = usualPlan('dynamic', [bench.releases['1.2.0'].targets[0].path], { joinIn: 'rest' })
    const { sheets } = orThrow(await createCampaign(world(), 'ada', asked, false, anywhere))
    assert.deepEqual(
      sheets.map(({ sheet }) => [sheet.site, sheet.turns.length]),
      [
        ['pier', 0],
        ['quay', 2],
      ],
    )
    orThrow(await editAccount(world(), root, 'approver-0', { grants: grants('approver@site:quay') }))
    const { keyid, sig } = await signature('approver-0', 'dynamic')
    const refused = await approve(world(), 'approver-0', 'dynamic', { keyid, sig })
    assert.ok(isRefusal(refused) && refused.code === 'role-missing', JSON.stringify(refused))
    assert.match(sentence(refused), /pier/)
    orThrow(
      await editAccount(world(), root, 'approver-0', { grants: grants('approver@site:quay', 'approver@site:pier') }),
    )
    orThrow(await approve(world(), 'approver-0', 'dynamic', { keyid, sig }))
  })

  it('below the threshold nothing is approved; at it the plan is, and the log says who and why', async () => {
    const first = { ...(await signature('approver-0')), reason: 'tried on the bench' }
    assert.deepEqual(await approve(world(), 'approver-0', ID, first), { need: 2, have: 1, approved: false })
    assert.deepEqual(await sign('approver-1'), { need: 2, have: 2, approved: true })
    assert.ok(await approved())
    const entry = (await bench.fleet.entries()).findLast(
      ({ kind, detail }) => kind === 'approval-signed' && detail.have === 1,
    )
    assert.deepEqual([entry?.actor.id, entry?.detail.reason], ['approver-0', 'tried on the bench'])
  })

  const LEAVES: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      'attack: a pending signature of an approver whose account is disabled counts no more',
      () => editAccount(world(), root, 'approver-0', { disabled: 'left the firm' }),
    ],
    [
      'attack: a pending signature of an approver whose key is taken away counts no more',
      () => editAccount(world(), root, 'approver-0', { keys: [] }),
    ],
    [
      'attack: a pending signature of an approver who lost the role counts no more',
      () => editAccount(world(), root, 'approver-0', { grants: grants('auditor@fleet') }),
    ],
  ]
  for (const [name, leave] of LEAVES) {
    it(name, async () => {
      orThrow(await sign('approver-0'))
      assert.equal(await have(), 1)
      assert.equal(codeOf(await leave()), null)
      const draft = orThrow(await draftOf(world(), ID))
      assert.deepEqual([draft.have.length, draft.void.map(({ code }) => code)], [0, ['approval-void']])
      assert.deepEqual(await sign('approver-1'), { need: 2, have: 1, approved: false })
      assert.ok(!(await approved()), 'one of two is not enough')
    })
  }

  it('attack: a plan that somebody approved is exchanged, or grows', async () => {
    orThrow(await sign('approver-0'))
    const releases = [bench.releases['1.2.0'].targets[0].path]
    const again = await createCampaign(world(), 'ada', usualPlan(ID, releases, { title: 'another' }), false, anywhere)
    assert.equal(codeOf(again), 'campaign-exists', 'under its name there is no other plan')
    // What is approved beside it changes what is signed: signatures over the draft of before are void.
    const stale = await signature('approver-1')
    orThrow((await command(world(), 'ada', ID, 'halt', 'for the test')) ?? true)
    await bench.plan('winter', bench.releases['1.2.0'])
    const other = await signature('approver-0', 'winter')
    orThrow(await approve(world(), 'approver-0', 'winter', other))
    assert.equal(codeOf(await approve(world(), 'approver-1', 'winter', stale)), 'approval-signature-invalid')
  })

  it('attack: a rejected plan is approved after all', async () => {
    orThrow(await sign('approver-0'))
    const late = await signature('approver-1')
    assert.equal(await reject(world(), 'approver-1', ID, 'the wrong week'), null)
    assert.equal(codeOf(await approve(world(), 'approver-1', ID, late)), 'campaign-rejected')
    assert.equal(codeOf(await draftOf(world(), ID)), 'campaign-rejected')
    assert.equal(codeOf(await reject(world(), 'approver-0', ID, 'again')), 'campaign-rejected')
    assert.equal(codeOf(await command(world(), 'ada', ID, 'start', null)), 'campaign-halted')
    const over = orThrow(await openCampaign(world(), ID)).rollout.state
    assert.ok(over.at === 'halted' && over.reason === 'rejected: the wrong week', JSON.stringify(over))
    const entry = (await bench.fleet.entries()).findLast(({ kind }) => kind === 'plan-rejected')
    assert.deepEqual([entry?.actor.id, entry?.campaign, entry?.detail.reason], ['approver-1', ID, 'the wrong week'])
    bench.fleet.open()
    assert.equal(codeOf(await draftOf(world(), ID)), 'campaign-rejected', 'over a restart too')
  })

  it('attack: a safety-critical campaign without the change request that the operator demands', async () => {
    const strict = { ...world(), governance: { ...world().governance, changeRequest: ['safety' as const] } }
    orThrow((await command(world(), 'ada', ID, 'halt', 'for the test')) ?? true)
    const releases = [bench.releases['1.2.0'].targets[0].path]
    const draw = (criticality: 'safety' | 'feature', more = {}) =>
      createCampaign(strict, 'ada', usualPlan('safe', releases, { ...more, criticality }), true, anywhere)
    assert.equal(codeOf(await draw('safety')), 'change-request-missing')
    assert.equal(codeOf(await draw('feature')), null)
    assert.equal(codeOf(await draw('safety', { changeRequest: 'CHG-2027-114' })), null)
  })

  it('attack: a plan for a site outside of the planner’s scope', async () => {
    orThrow((await command(world(), 'ada', ID, 'halt', 'for the test')) ?? true)
    const releases = [bench.releases['1.2.0'].targets[0].path]
    const seen: string[] = []
    for (const scope of ['region:elsewhere', 'region:nl', 'fleet']) {
      const id = `planner-${scope.replace(':', '-')}`
      orThrow(
        await addAccount(world(), root, { id, kind: 'person', name: id, grants: grants(`planner@${scope}`), keys: [] }),
      )
      const who = orThrow(await admit(world(), { by: 'certificate', person: id }))
      const permit = (sites: readonly string[]) => mayAt(world(), who, 'plan', sites)
      seen.push(codeOf(await createCampaign(world(), id, usualPlan('wide', releases), true, permit)) ?? 'drawn up')
    }
    assert.deepEqual(seen, ['role-missing', 'drawn up', 'drawn up'])
  })

  it('attack: what runs elsewhere, out of why a plan passes it over or is refused', async () => {
    orThrow((await command(world(), 'ada', ID, 'halt', 'for the test')) ?? true)
    const releases = [bench.releases['1.2.0'].targets[0].path]
    // Its controllers have reported nothing: nobody there gets a turn, and the answer would say so.
    await bench.fleet.site('far', 1, { region: 'elsewhere' })
    const ask = async (scope: string, select: object) => {
      const id = `planner-${scope.replace(':', '-')}`
      const account = { id, kind: 'person', name: id, grants: grants(`planner@${scope}`), keys: [] } as const
      orThrow(await addAccount(world(), root, account))
      const who = orThrow(await admit(world(), { by: 'certificate', person: id }))
      const permit = (sites: readonly string[]) => mayAt(world(), who, 'plan', sites)
      return createCampaign(world(), id, usualPlan('wide', releases, { select }), true, permit)
    }
    for (const select of [{ regions: ['nl', 'elsewhere'] }, { regions: ['elsewhere'] }, { controllers: ['far/c0'] }]) {
      const refused = await ask('region:nl', select)
      assert.equal(codeOf(refused), 'role-missing')
      assert.doesNotMatch(sentence(refused as Refusal), /far/)
    }
    // Beside one's own: the answer is the same for who is there, who is not, and a site that there is not.
    const [own] = (await world().store.sites()).filter(({ id }) => id !== 'far')
    const mine = `${own?.id}/c0`
    const answers = new Set<string>()
    for (const other of ['far/c0', 'far/nobody', 'nowhere/c0']) {
      answers.add(JSON.stringify(await ask('region:nl', { controllers: [mine, other] })))
    }
    for (const other of ['far', 'nowhere']) {
      answers.add(JSON.stringify(await ask('region:nl', { sites: [own?.id as string, other] })))
    }
    assert.equal(answers.size, 1, [...answers].join('\n'))
    assert.match([...answers][0] ?? '', /role-missing/)
    assert.equal(codeOf(await ask('region:nl', { regions: ['nl'] })), null)
    assert.equal(codeOf(await ask('region:elsewhere', { regions: ['elsewhere'] })), 'plan-controller-not-attested')
  })
})
