import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { beginImport, bringIn, decideImport, endImport, resumeImport, stageLines } from '../../src/flows/import.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

const COLUMNS = ['site', 'region', 'controller', 'class', 'hardware', 'version']
const line = (number: number, text: string) => ({ line: number, fields: text.split(',') })

describe('a list of controllers that is taken in', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make({ approvers: 1, threshold: 1 })
    await fleet.site('quay', 2)
  })
  after(() => fleet?.close())

  const begin = async (): Promise<number> => orThrow(await beginImport(fleet.world, 'ann', 'list.csv', COLUMNS)).import
  const stage = async (id: number, ...lines: ReturnType<typeof line>[]) =>
    orThrow(await stageLines(fleet.world, id, lines))
  const claims = async (site: string) =>
    (await fleet.world.store.inventory.page({ sites: [site] }, null, 100)).map(row => [
      row.id,
      row.standing,
      row.claim?.version ?? null,
      row.attested,
    ])

  it('is not there before it is decided on, and then is what the records claim', async () => {
    const id = await begin()
    await stage(
      id,
      line(2, 'pier,nl,bms-1,bms,r1,4.1.0'),
      line(3, 'pier,nl,pcs-1,pcs,r2,'),
      line(4, 'quay,nl,c0,bms,r1,1.2.0'),
    )
    assert.deepEqual(await claims('pier'), [])
    assert.deepEqual(orThrow(await endImport(fleet.world, 'ann', id, 'all', 0)), { taken: 3 })
    assert.deepEqual(await claims('pier'), [
      ['bms-1', 'imported', '4.1.0', null],
      ['pcs-1', 'imported', null, null],
    ])
    assert.deepEqual((await claims('quay'))[0], ['c0', 'enrolled', '1.2.0', null])
    const entry = (await fleet.entries()).find(({ kind }) => kind === 'inventory-imported')
    assert.deepEqual([entry?.actor.id, entry?.detail], ['ann', { name: 'list.csv', controllers: 3, bad: 0 }])
    const map = await fleet.world.store.inventory.versions({ sites: ['pier'] }, 'fleet')
    assert.deepEqual(
      map.map(({ version, said, controllers }) => [version, said, controllers]),
      [
        ['4.1.0', 'claimed', 1],
        ['', 'nothing', 1],
      ],
    )
    assert.deepEqual(await fleet.world.store.controllers('pier'), [], 'a claim registers nobody')
    const history = await fleet.world.store.inventory.history('pier', 'bms-1', 9)
    assert.deepEqual(
      history.map(({ said, version }) => [said, version]),
      [['claimed', '4.1.0']],
    )
  })

  it('leaves a site to its description once that is enrolled: who is not in it is only in the history', async () => {
    const id = await begin()
    await stage(id, line(2, 'pier,nl,c0,bms,r1,1.0.0'))
    orThrow(await endImport(fleet.world, 'ann', id, 'all', 0))
    await fleet.site('pier', 1)
    assert.deepEqual(await claims('pier'), [['c0', 'enrolled', '1.0.0', null]])
    assert.equal(await fleet.world.store.inventory.count({ sites: ['pier'] }), 1)
    assert.equal((await fleet.world.store.inventory.history('pier', 'bms-1', 9)).length, 1)
  })

  it('brings nobody into a site that was enrolled without them meanwhile', async () => {
    const id = await begin()
    await stage(id, line(2, 'lock,nl,c0,bms,r1,1.0.0'), line(3, 'lock,nl,c9,bms,r1,1.0.0'))
    assert.deepEqual(orThrow(await decideImport(fleet.world, 'ann', id, 'all', 0)), { taken: 2 })
    await fleet.site('lock', 1)
    await bringIn(fleet.world)
    assert.deepEqual(await claims('lock'), [['c0', 'enrolled', '1.0.0', null]])
    assert.equal(await fleet.world.store.inventory.tallyFault('lock'), null)
  })

  const faults: [name: string, lines: string[], code: string, at: number[]][] = [
    ['a field that cannot be', ['dock,nl,BMS,bms,r1,'], 'import-line-malformed', [2]],
    [
      'a controller twice',
      ['dock,nl,a,bms,r1,', 'dock,nl,b,bms,r1,', 'dock,nl,a,bms,r1,1.0.0'],
      'import-line-repeated',
      [4],
    ],
    ['two regions of one site', ['dock,nl,a,bms,r1,', 'dock,de,b,bms,r1,'], 'import-line-contradicts', [3]],
    ['another region than the enrolled site has', ['quay,de,c0,bms,r1,'], 'import-line-contradicts', [2]],
    ['another class than it was enrolled with', ['quay,nl,c0,pcs,r1,'], 'import-line-contradicts', [2]],
    ['another hardware than it was enrolled with', ['quay,nl,c0,bms,r9,'], 'import-line-contradicts', [2]],
    ['a controller that its enrolled site does not have', ['quay,nl,c7,bms,r1,'], 'import-line-contradicts', [2]],
  ]
  for (const [name, lines, code, at] of faults) {
    it(`tells of ${name}, with its line: ${code}`, async () => {
      const id = await begin()
      const staged = await stage(id, ...lines.map((text, n) => line(n + 2, text)))
      assert.deepEqual(
        staged.faults.map(fault => [fault.line, fault.why.code]),
        at.map(number => [number, code]),
      )
      assert.equal(staged.staged, lines.length - at.length)
      const refused = await endImport(fleet.world, 'ann', id, 'all', staged.faults.length)
      assert.ok(isRefusal(refused) && refused.code === 'import-lines-bad')
      assert.deepEqual(await claims('dock'), [], 'all or nothing')
    })
  }

  it('takes the good lines by choice', async () => {
    const id = await begin()
    const staged = await stage(id, line(2, 'dock,nl,a,bms,r1,1.0.0'), line(3, 'dock,nl,b,bms'))
    assert.deepEqual(orThrow(await endImport(fleet.world, 'ann', id, 'good', staged.faults.length)), { taken: 1 })
    assert.deepEqual(await claims('dock'), [['a', 'imported', '1.0.0', null]])
  })

  it('takes a batch again whose answer was lost, and knows only the import that is open', async () => {
    const first = await begin()
    await stage(first, line(2, 'berth,nl,a,bms,r1,'))
    assert.deepEqual((await stage(first, line(2, 'berth,nl,a,bms,r1,'))).faults, [])
    const second = await begin()
    for (const id of [first, second + 1]) {
      const refused = await stageLines(fleet.world, id, [line(2, 'berth,nl,b,bms,r1,')])
      assert.ok(isRefusal(refused) && refused.code === 'import-unknown')
    }
    assert.deepEqual(
      orThrow(await endImport(fleet.world, 'ann', second, 'all', 0)),
      { taken: 0 },
      'the first was given up',
    )
    assert.ok(isRefusal(await endImport(fleet.world, 'ann', second, 'all', 0)), 'it ended')
  })

  it('comes in whole when power fails after the decision, and not at all before it', async () => {
    const id = await begin()
    await stage(id, ...Array.from({ length: 50 }, (_, n) => line(n + 2, `mole,nl,c${n},bms,r1,1.0.0`)))
    const { imports } = fleet.world.store
    const cut = new Error('power failed')
    const apply = imports.apply.bind(imports)
    let applied = 0
    Object.assign(imports, {
      apply: async () => {
        if (applied > 0) throw cut
        applied += 1
        return apply(20)
      },
    })
    await assert.rejects(endImport(fleet.world, 'ann', id, 'all', 0), cut)
    assert.equal((await claims('mole')).length, 20, 'it was cut in the middle')
    fleet.open()
    const another = await beginImport(fleet.world, 'ann', 'other.csv', COLUMNS)
    assert.ok(isRefusal(another) && another.code === 'import-unfinished')
    await resumeImport(fleet.world)
    assert.equal((await claims('mole')).length, 50)
    assert.equal(await fleet.world.store.inventory.tallyFault('mole'), null)
    const open = await begin()
    await stage(open, line(2, 'never,nl,a,bms,r1,'))
    fleet.open()
    await resumeImport(fleet.world)
    assert.deepEqual(await claims('never'), [])
    assert.equal(await fleet.world.store.imports.current(), null)
  })
})
