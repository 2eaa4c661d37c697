import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Answer } from '../../../src/adapters/link-https/client.ts'
import { fromUtf8 } from '../../../src/core/encoding/bytes.ts'
import { millis } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { editAccount } from '../../../src/flows/appoint.ts'
import { command } from '../../../src/flows/campaign.ts'
import type { CampaignControllerView } from '../../../src/wire/fleet-views.ts'
import type { CampaignDetail, CampaignDraft, WaitingPlan } from '../../../src/wire/plan-views.ts'
import { Bench } from '../../threats/bench.ts'
import { checkAnswer } from '../../worlds/contract.ts'
import { grants, PeopleDoor, send } from '../../worlds/people-door.ts'

/** Campaign `spring` runs at two controllers; `autumn` waits for its approval. */
describe('what people watch and approve campaigns by', () => {
  let bench: Bench
  let door: PeopleDoor
  before(async () => {
    bench = await Bench.make()
    door = await PeopleDoor.open(bench.fleet)
    await door.account('olga', ['operator@fleet'])
    await door.account('tim', ['operator@site:quay'])
    await door.account('eve', ['operator@site:elsewhere'])
    await door.account('planner', ['planner@fleet'])
    await door.account('ada', ['planner@fleet'])
    await bench.plan('autumn', bench.releases['1.2.0'])
  })
  after(async () => {
    await door?.close()
    bench?.close()
  })

  const as = async (who: string) => door.client(await door.certificate(who))
  const world = () => bench.fleet.world
  async function ask<T>(who: string, path: string): Promise<T> {
    const answer = checkAnswer('GET', path, await send(await as(who), 'GET', path))
    return JSON.parse(fromUtf8(orThrow(answer).body) ?? '') as T
  }
  const plan = async (who: string, body: object): Promise<Answer | Refusal> =>
    checkAnswer('POST', '/v1/campaigns', await send(await as(who), 'POST', '/v1/campaigns', body))
  const detail = (who: string, id = 'spring') => ask<CampaignDetail>(who, `/v1/campaigns/${id}`)
  const possible = ({ commands }: CampaignDetail) => commands.filter(one => one.possible).map(one => one.command)

  it('a campaign shows its course, when its waves were to be, and each rule of its gates', async () => {
    const { course, planned, gates, outline, since } = await detail('olga')
    assert.deepEqual(
      course.map(({ at, wave }) => [at, wave]),
      [
        ['approved', null],
        ['running', 1],
      ],
    )
    assert.equal(since, course.at(-1)?.since)
    assert.equal(planned?.[0]?.opens, since, 'planned from when it began')
    assert.equal(planned?.length, 2)
    assert.deepEqual(
      gates.map(rules => rules.map(({ rule, passes }) => `${rule} ${passes}`)),
      [
        ['success false', 'failures true'],
        ['success false', 'failures true'],
      ],
    )
    assert.deepEqual(
      outline?.changes.map(({ class: of, to, controllers }) => [of, to, controllers]),
      [['bms', '1.1.0', 2]],
    )
  })

  it('and what it has out', async () => {
    const { out } = await detail('olga')
    assert.equal(out.controllers, 1)
  })

  it('whoever asks is told what they may tell it: by the machine, and by their roles', async () => {
    assert.deepEqual(possible(await detail('olga')), ['pause', 'halt'])
    const { commands } = await detail('olga')
    const of = (name: string) => commands.find(one => one.command === name)
    assert.equal(of('roll-back')?.code, 'campaign-no-way-back')
    assert.equal(of('start')?.code, 'campaign-already-started')
    assert.deepEqual([of('halt')?.reason, of('resume')?.reason], [true, false])
    assert.deepEqual(possible(await detail('tim')), ['pause', 'halt'], 'its only site is his')
    const planner = await detail('planner')
    assert.deepEqual(possible(planner), [])
    assert.ok(planner.commands.every(({ code, why }) => code === 'role-missing' && why !== null))
    // The door says the same.
    const refused = await send(await as('planner'), 'POST', '/v1/campaigns/spring/commands', {
      command: 'halt',
      reason: 'no',
    })
    assert.ok(isRefusal(refused) && refused.code === 'role-missing')
  })

  it('controllers of one state come by themselves, page by page', async () => {
    const rows = (state: string) =>
      ask<CampaignControllerView[]>('olga', `/v1/campaigns/spring/controllers?state=${state}&limit=1`)
    assert.deepEqual(
      (await rows('assigned')).map(({ controller, state }) => [controller, state]),
      [['c0', 'assigned']],
    )
    assert.deepEqual(
      (await rows('waiting')).map(({ controller }) => controller),
      ['c1'],
    )
    assert.deepEqual(await rows('failed'), [])
    const odd = await send(await as('olga'), 'GET', '/v1/campaigns/spring/controllers?state=gone')
    assert.ok(isRefusal(odd) && odd.code === 'request-malformed')
  })

  const waiting = async (who: string) => (await ask<WaitingPlan[]>(who, '/v1/approvals'))[0] as WaitingPlan

  it('a plan that waits shows who signed and when, what changes, and to each reader whether they may', async () => {
    const before = await waiting('approver-0')
    assert.deepEqual([before.id, before.need, before.signers], ['autumn', 2, []])
    assert.deepEqual(before.outline?.changes[0]?.to, '1.2.0')
    assert.deepEqual(
      [before.mine.approve.possible, before.mine.reject.possible, before.mine.keys.length],
      [true, true, 1],
    )
    const at = bench.fleet.clock.now()
    await bench.approve('autumn', 'approver-0')
    const signed = await waiting('approver-0')
    assert.deepEqual(
      signed.signers.map(({ account, at }) => [account, at]),
      [['approver-0', at]],
    )
    assert.deepEqual([signed.mine.approve.possible, signed.mine.approve.code], [false, 'approval-twice'])
    assert.equal((await waiting('approver-1')).mine.approve.possible, true)
    const creator = (await waiting('ada')).mine.approve
    assert.equal(creator.code, 'approval-by-creator')
    assert.equal((await waiting('olga')).mine.approve.code, 'role-missing')
    assert.equal((await waiting('olga')).mine.reject.code, 'role-missing')
  })

  it('who lost their key, and whose signature counts no more, are told so', async () => {
    const root = await door.who('administrator')
    const { keys } = (await waiting('approver-0')).mine
    orThrow(await editAccount(world(), root, 'approver-0', { keys: [] }))
    const plan = await waiting('approver-0')
    assert.equal(plan.mine.approve.code, 'approval-key-unknown')
    assert.deepEqual([plan.signers, plan.void.map(({ code }) => code)], [[], ['approval-void']])
    orThrow(await editAccount(world(), root, 'approver-0', { keys }))
  })

  it('attack: a plan elsewhere, out of the list of those that wait', async () => {
    assert.deepEqual(await ask('eve', '/v1/approvals'), [])
    const hidden = await send(await as('eve'), 'GET', '/v1/campaigns/autumn')
    assert.ok(isRefusal(hidden) && hidden.code === 'role-missing')
  })

  const FILE = (id: string) => `id: ${id}
releases: [${bench.releases['1.2.0'].targets[0].path}]
waves:
  - { name: all, take: rest }
`

  it('a plan file as a text is read as the command line reads it; a fault has its line', async () => {
    orThrow((await command(world(), 'ada', 'spring', 'halt', 'for the test')) ?? true)
    const dry = JSON.parse(
      fromUtf8(orThrow(await plan('planner', { text: FILE('text'), dryRun: true })).body)!,
    ) as CampaignDraft
    assert.deepEqual([dry.kept, dry.preview.waves[0]?.controllers, dry.preview.more], [false, 2, false])
    const json = await plan('planner', { text: JSON.stringify({ ...FILEJSON(), id: 'json' }), dryRun: true })
    assert.ok(!isRefusal(json))
    for (const [text, subject] of [
      [FILE('text').replace('take: rest', 'take: { count: 0 }'), 'the plan:4:26'],
      [FILE('text').replace('waves:', 'waves: ['), 'the plan:4:3'],
      [FILE('text').replace('1.2.0', '7.7.7'), 'the plan:2:12, bms/7.7.7/envelope.suit'],
    ] as const) {
      const refused = await plan('planner', { text, dryRun: true })
      assert.ok(isRefusal(refused))
      assert.equal(refused.subject, subject, JSON.stringify(refused))
    }
    for (const body of [{ dryRun: true }, { dryRun: true, text: FILE('a'), plan: {} }]) {
      const refused = await plan('planner', body)
      assert.ok(isRefusal(refused) && refused.code === 'request-malformed')
    }
  })
  const FILEJSON = () => ({
    releases: [bench.releases['1.2.0'].targets[0].path],
    waves: [{ name: 'all', take: 'rest' }],
  })

  const draftOf = async (who: string, body: object): Promise<CampaignDraft> =>
    JSON.parse(fromUtf8(orThrow(await plan(who, body)).body)!) as CampaignDraft

  it('a further page is of the very dry run, and says how much has happened since; a new one says that it is another', async () => {
    const text = FILE('pages')
    const first = await draftOf('planner', { text, dryRun: true })
    const { of, at } = first.dryRun!
    assert.deepEqual([first.dryRun?.entriesSince, at], [0, bench.fleet.clock.now()])
    bench.fleet.clock.advance(millis(60_000))
    const page = { text, dryRun: true, of, behind: '0' }
    assert.deepEqual(await draftOf('planner', page), first, 'the very same, sites and all')
    assert.deepEqual((await draftOf('planner', { ...page, behind: 'z' })).preview.sites, [])
    await door.account('nobody', ['auditor@fleet'])
    const size = (await world().store.log()).size
    const later = await draftOf('planner', page)
    assert.deepEqual([later.dryRun?.of, later.dryRun?.at], [of, at])
    assert.ok(later.dryRun!.entriesSince > 0 && later.dryRun!.entriesSince < size)
    // Another text, another person, another name: none of them is that dry run.
    for (const [who, body] of [
      ['planner', { ...page, text: `${text}\n` }],
      ['ada', page],
      ['planner', { ...page, of: 'ab'.repeat(32) }],
    ] as const) {
      const anew = await draftOf(who, body)
      assert.equal(anew.dryRun?.at, bench.fleet.clock.now())
      assert.notEqual(anew.dryRun?.of, of)
    }
    const kept = await draftOf('planner', { ...page, text: FILE('kept'), dryRun: false })
    assert.deepEqual([kept.kept, kept.dryRun], [true, null])
  })

  it('attack: who may plan there no longer reads on in a dry run of before', async () => {
    await door.account('former', ['planner@fleet'])
    const text = FILE('former')
    const { dryRun } = await draftOf('former', { text, dryRun: true })
    const root = await door.who('administrator')
    orThrow(await editAccount(world(), root, 'former', { grants: grants('planner@site:elsewhere') }))
    const refused = await plan('former', { text, dryRun: true, of: dryRun!.of, behind: '0' })
    assert.ok(isRefusal(refused) && refused.code === 'role-missing', JSON.stringify(refused))
  })

  it('attack: a plan file of so many levels that reading it would end the server', async () => {
    const deep = ['[', '- ', '? ', '{a: '].map(open => open.repeat(30_000))
    deep.push(Array.from({ length: 400 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'))
    for (const text of deep) {
      const refused = await plan('planner', { text, dryRun: true })
      assert.ok(isRefusal(refused) && refused.code === 'plan-file-malformed', text.slice(0, 8))
      assert.match(refused.subject, /^the plan:\d+:\d+$/)
      assert.equal(refused.actual, 'more than 64 levels')
    }
    const long = await plan('planner', { text: ' '.repeat(131_073), dryRun: true })
    assert.ok(isRefusal(long) && long.code === 'request-malformed')
  })

  it('markup in titles and reasons comes back as the text that it is, and never as a page', async () => {
    const title = '<img src=x onerror=alert(1)>'
    const text = FILE('markup').replace('id:', `title: '${title}'\nid:`)
    orThrow(await plan('planner', { text, dryRun: false }))
    const found = (await ask<WaitingPlan[]>('approver-1', '/v1/approvals')).find(({ id }) => id === 'markup')
    assert.equal(found?.title, title)
    const answer = orThrow(await send(await as('approver-1'), 'GET', '/v1/approvals'))
    assert.match(`${answer.headers['content-type']}`, /^application\/json/)
  })
})
