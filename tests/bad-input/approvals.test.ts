import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { parsePlan, planBytes } from '../../src/core/campaign/plan.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow, sentence } from '../../src/core/refusal/refusal.ts'
import { planPath } from '../../src/core/trust/mapping.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { signatureBy, withTargets } from '../../src/core/trust/repository.ts'
import { admit, type Who } from '../../src/flows/admit.ts'
import { addAccount, editAccount } from '../../src/flows/appoint.ts'
import { approve, draftOf } from '../../src/flows/approve.ts'
import { command } from '../../src/flows/campaign.ts'
import { openRepository } from '../../src/flows/keep.ts'
import { assigned, refreshSite } from '../../src/flows/relay.ts'
import { Bench } from '../threats/bench.ts'
import { forge, online, serve } from '../threats/thief.ts'
import { grants } from '../worlds/people-door.ts'
import { sealedBy } from '../worlds/quiet-fleet.ts'

/** What is wrong with approvals: the code, and the sentence that people read. Two of two approvers must sign. */
describe('bad input: approvals', () => {
  let bench: Bench
  let root: Who
  beforeEach(async () => {
    bench = await Bench.make()
    root = orThrow(await admit(bench.fleet.world, { by: 'certificate', person: 'administrator' }))
  })
  afterEach(() => bench?.close())

  const world = () => bench.fleet.world
  const keys = () => ['approver-0', 'approver-1'].map(name => bench.fleet.key(name))

  /** Another plan, which waits: the first campaign is over. */
  async function autumn(): Promise<void> {
    orThrow((await command(world(), 'ada', 'spring', 'halt', 'another one comes')) ?? true)
    await bench.plan('autumn', bench.releases['1.2.0'])
  }
  async function sign(person: string, key = person) {
    const { signed } = orThrow(await draftOf(world(), 'autumn'))
    const signer = bench.fleet.key(key)
    const signature = signatureBy(signer.key, orThrow(await signer.sign(signableBytes(signed), 'der')), crypto)
    return approve(world(), person, 'autumn', signature)
  }
  function says(answer: unknown, code: string, words: RegExp): void {
    assert.ok(isRefusal(answer), JSON.stringify(answer))
    assert.equal(answer.code, code)
    assert.match(sentence(answer), words)
  }

  it('approver who left', async () => {
    await autumn()
    orThrow(await sign('approver-0'))
    orThrow(await editAccount(world(), root, 'approver-0', { disabled: 'left the firm' }))
    const { have, void: voided } = orThrow(await draftOf(world(), 'autumn'))
    assert.deepEqual(have, [])
    says(
      voided[0],
      'approval-void',
      /^the signature of autumn by key [0-9a-f]{16}: .*\(.*approver-0: account-disabled\)/,
    )
    says(
      await sign('approver-0'),
      'account-disabled',
      /^approver-0: .*\(expected an account in force; got one that is disabled\)/,
    )
  })

  it('an approver whose key the root does not name any more', async () => {
    await autumn()
    const stranger = bench.fleet.newKey('left')
    const { signed } = orThrow(await draftOf(world(), 'autumn'))
    const signature = signatureBy(stranger.key, orThrow(await stranger.sign(signableBytes(signed), 'der')), crypto)
    says(await approve(world(), 'approver-0', 'autumn', signature), 'approval-key-unknown', /not one of the approvers/)
  })

  it('expired approval', async () => {
    const { targets } = orThrow(await openRepository(world(), 'approval'))
    const { signed } = targets!
    const file = await sealedBy(orThrow(withTargets(signed, {}, signed.version + 1, bench.soon(-1))), keys())
    const approval = await forge(bench, 'approval', [], { ...online(bench, 'approval'), targets: keys() }, { file })
    serve(bench, { approval })
    says(await refreshSite(bench.site), 'metadata-expired', /^approval: targets \d+: .*expired/)
    assert.deepEqual(await assigned(bench.site), [])
  })

  it('an approval of a plan whose time is over', async () => {
    await autumn()
    bench.fleet.clock.advance(86_400_000)
    says(
      await sign('approver-0'),
      'campaign-expired',
      /^autumn: .*time that the plan allows is over \(expected a time before /,
    )
    assert.deepEqual(orThrow(await draftOf(world(), 'autumn')).have, [])
  })

  it('plan edited after approval, while it waits: signatures that were given are void', async () => {
    await autumn()
    orThrow(await sign('approver-0'))
    await edit('autumn')
    assert.deepEqual(orThrow(await draftOf(world(), 'autumn')).have, [], 'nobody has signed this one')
    assert.deepEqual(await sign('approver-1'), { need: 2, have: 1, approved: false })
  })

  it('plan edited after approval, where it is served', async () => {
    const pinned = orThrow(await openRepository(world(), 'approval')).targets!.signed.targets.get(planPath('spring'))!
    bench.contraband.set(pinned.sha256, await edit('spring'))
    says(await refreshSite(bench.site), 'blob-digest-mismatch', new RegExp(`expected .*${pinned.sha256}`))
    assert.deepEqual(await assigned(bench.site), [])
  })

  it('plan edited after approval, with an approval that one approver signs anew', async () => {
    const bytes = await edit('spring')
    const target = { path: planPath('spring'), length: bytes.length, sha256: toHex(crypto.sha256(bytes)), custom: null }
    const loot = { ...online(bench, 'approval'), targets: keys().slice(0, 1) }
    serve(bench, { approval: await forge(bench, 'approval', [target], loot) })
    says(
      await refreshSite(bench.site),
      'metadata-below-threshold',
      /^approval: targets \d+: .*expected valid signatures by 2 .*got 1/,
    )
    assert.deepEqual(await assigned(bench.site), [])
  })

  it('approver scoped to some sites, and a wider plan', async () => {
    const reports = bench.controllers.map(({ element }) => element.reportKey.spki)
    await bench.fleet.site('pier', 2, { gateway: bench.site.signer.key.spki, reports, region: 'de' })
    await autumn()
    orThrow(
      await editAccount(world(), root, 'approver-0', { grants: grants('approver@site:pier', 'approver@region:de') }),
    )
    says(
      await sign('approver-0'),
      'role-missing',
      /^approver-0: approve at .*quay.*expected .*approver.*got approver@site:pier/,
    )
    assert.deepEqual(orThrow(await draftOf(world(), 'autumn')).have, [])
  })

  it('an approver who drew the plan up', async () => {
    const { keyid } = signatureBy(bench.fleet.key('approver-0').key, new Uint8Array(64), crypto)
    orThrow(await editAccount(world(), root, 'approver-0', { keys: [] }))
    const ada = { id: 'ada', kind: 'person', name: 'Ada', grants: grants('approver@fleet'), keys: [keyid] } as const
    orThrow(await addAccount(world(), root, ada))
    await autumn()
    says(
      await sign('ada', 'approver-0'),
      'approval-by-creator',
      /^the approval of autumn by ada: .*\(expected somebody else/,
    )
  })

  /** Somebody with the server's disk changes a plan in the store, in as many bytes. Answers what they put there. */
  async function edit(id: string): Promise<Uint8Array> {
    const row = (await world().store.campaign(id))!
    const plan = orThrow(parsePlan(row.plan, id))
    const bytes = planBytes({ ...plan, title: `${plan.title.slice(0, -1)}!` })
    bench.fleet.beside(`UPDATE campaign SET plan = x'${toHex(bytes)}' WHERE id = '${id}'`)
    return bytes
  }
})
