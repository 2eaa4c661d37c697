import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../../sim/doors/world.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { TrustedFolder } from '../../../src/apps/cli/trusted-folder.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { type TrustedSet, trustRoot } from '../../../src/core/trust/trusted-set.ts'
import { voltseal } from '../../worlds/people.ts'
import { image, QUAY } from '../../worlds/quay.ts'
import { rest, started } from '../../worlds/started.ts'

describe('what the machines of approvers and publishers remember', () => {
  let world: World
  const at = (...names: string[]): string => world.at(...names)
  const profile = (name: string): string => at('people', name, 'profile.yaml')
  const remembered = (name: string, file: string): string => at('people', name, 'trusted', file)
  const as = (name: string, ...argv: string[]) => voltseal(world, argv, { profile: profile(name) })
  const approve = (name: string) => as(name, 'campaign', 'approve', 'far', '--key', at('keys', name))

  before(async () => {
    world = await started(QUAY, async made => {
      await made.reported()
      await rest(made)
      for (const version of ['1.1.0', '1.2.0']) await made.release('bms', version, image(version.length))
      await made.publish(made.at('bms-1.1.0.release'))
      await made.must('campaign', 'create', '--id', 'far', '--release', 'bms/1.1.0/envelope.suit')
      // Folders that lie beside the fleet's own: what people remember does not go back with the server.
      for (const name of ['approver-0', 'approver-1'])
        cpSync(made.at('fleet', 'profiles', name), made.at('people', name), { recursive: true })
      for (const roots of [['roots'], ['people', 'roots']])
        cpSync(made.at('fleet', 'roots'), made.at(...roots), { recursive: true })
      cpSync(made.at('fleet', 'profile'), made.at('people', 'administrator'), { recursive: true })
      await made.fleet?.close()
      cpSync(made.at('fleet'), made.at('fleet-before'), { recursive: true })
      await made.startFleet()
      return made
    })
    for (const name of ['approver-0', 'approver-1']) {
      const approved = await approve(name)
      assert.equal(approved.exit, 0, approved.said)
    }
    const published = await as('administrator', 'publish', at('bms-1.2.0.release'), '--key', at('keys', 'release'))
    assert.equal(published.exit, 0, published.said)
    // One look, after the second of them has put the approval in force.
    for (const name of ['approver-0', 'administrator']) {
      const seen = await as(name, 'ceremony', 'roles', '--repository', 'approval')
      assert.equal(seen.exit, 0, seen.said)
    }
    assert.equal((await as('administrator', 'ceremony', 'roles', '--repository', 'image')).exit, 0)
    // Whoever owns the server shows what was signed before all that.
    await world.fleet?.close()
    rmSync(at('fleet'), { recursive: true })
    cpSync(at('fleet-before'), at('fleet'), { recursive: true })
    await world.startFleet()
  })
  after(() => world?.stop())

  it('attack: an approver is shown an older signed state of the approvals, and signs on from it', async () => {
    const again = await approve('approver-0')
    assert.equal(again.refusal?.code, 'metadata-rollback')
    assert.match(again.refusal?.subject ?? '', /^approval: timestamp/)
    const exported = await as(
      'approver-0',
      'campaign',
      'approve',
      'far',
      '--key',
      at('keys', 'approver-0.pub'),
      '--export',
      at('x'),
    )
    assert.equal(exported.refusal?.code, 'metadata-rollback')
    assert.ok(!existsSync(at('x')), 'nothing is carried to a key elsewhere either')
  })

  it('attack: a publisher is shown an older signed state of the releases, and signs on from it', async () => {
    const again = await as('administrator', 'publish', at('bms-1.2.0.release'), '--key', at('keys', 'release'))
    assert.equal(again.refusal?.code, 'metadata-rollback')
    assert.match(again.refusal?.subject ?? '', /^image: timestamp/)
  })

  it('a torn file is put aside, and said; who remembers nothing yet goes on from the root', async () => {
    cpSync(at('people', 'approver-0'), at('people', 'approver-2'), { recursive: true })
    const whole = readFileSync(remembered('approver-0', 'approval.timestamp.json'))
    for (const role of ['timestamp', 'snapshot']) {
      const file = remembered('approver-2', `approval.${role}.json`)
      writeFileSync(file, readFileSync(file).subarray(0, 100))
    }
    const torn = await as('approver-2', 'ceremony', 'roles', '--repository', 'approval')
    assert.equal(torn.exit, 0, torn.said)
    assert.match(torn.said, /approval: stored timestamp[^\n]*Older states are not told by it any more/)
    assert.match(torn.said, /approval: stored snapshot/)
    assert.ok(readFileSync(remembered('approver-2', 'approval.timestamp.json')).length > 100, 'written anew')
    rmSync(at('people', 'approver-2', 'trusted'), { recursive: true, force: true })
    const fresh = await as('approver-2', 'ceremony', 'roles', '--repository', 'approval')
    assert.equal(fresh.exit, 0, fresh.said)
    assert.doesNotMatch(fresh.said, /Older states/)
    assert.ok(!whole.equals(readFileSync(remembered('approver-2', 'approval.timestamp.json'))))
  })

  it('of two commands at once the newer state stays, whoever writes last; what was kept is whole', () => {
    const root = readFileSync(at('people', 'roots', 'approval.root.json'))
    const begun = orThrow(trustRoot('approval', root, nodeCrypto))
    const kept = (name: string): TrustedSet =>
      new TrustedFolder(at('people', name, 'trusted'), nodeCrypto).below(begun).set
    const [newer, older] = [kept('approver-0'), kept('approver-2')]
    const [high, low] = [newer, older].map(({ timestamp }) => timestamp?.signed.version ?? 0) as [number, number]
    assert.ok(high > low && low > 0)
    for (const order of [
      [newer, older],
      [older, newer],
    ]) {
      const folder = at('people', 'both', 'trusted')
      rmSync(folder, { recursive: true, force: true })
      const both = new TrustedFolder(folder, nodeCrypto)
      for (const set of order) assert.equal(both.keep(set, begun), null)
      const { set, discarded } = both.below(begun)
      assert.deepEqual(discarded, [])
      assert.deepEqual(
        [set.timestamp?.signed.version, set.snapshot?.signed.version],
        [high, newer.snapshot?.signed.version],
      )
      assert.deepEqual(readdirSync(folder).sort(), ['approval.snapshot.json', 'approval.timestamp.json', 'lock'])
    }
  })
})
