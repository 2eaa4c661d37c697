import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Answer, HttpsClient } from '../../../src/adapters/link-https/client.ts'
import { fromUtf8, toBase64 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { planOf } from '../../core/campaign/plans.ts'
import { PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'
import { running } from '../../worlds/running.ts'

const outcome = (answer: Answer | Refusal): string | number => (isRefusal(answer) ? answer.code : answer.status)
const DUE = instant(planOf([2]).notAfter - 1000)
const PLAN = planOf([2], { deadline: { at: DUE, steps: [] } })

describe('who has a role at one site', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  let tim: HttpsClient
  before(async () => {
    fleet = await QuietFleet.make()
    // Names that stand before, between and behind those that he may see.
    for (const id of ['abbey', 'quay', 'reef']) await fleet.site(id, 3, { region: id === 'reef' ? 'uk' : 'nl' })
    await fleet.site('harbour', 2)
    await fleet.campaign(PLAN, running(PLAN))
    const lost = { code: 'history-lost', from: 1, to: 2, at: fleet.clock.now() }
    const sites = ['abbey', 'quay', 'reef', 'quay', 'harbour', 'quay']
    await fleet.world.store.commit({ breaks: sites.map(site => ({ site, controller: 'c0', ...lost })) })
    door = await PeopleDoor.open(fleet)
    await door.account('tim', ['technician@site:quay', 'planner@site:quay', 'operator@site:quay', 'auditor@site:quay'])
    tim = door.client({ bearer: await door.token('tim') })
  })
  after(async () => {
    await door?.close()
    fleet?.close()
  })

  /** All that an answer says, cursors in clear. */
  function said(answer: Answer | Refusal): string {
    if (isRefusal(answer)) return JSON.stringify(answer)
    const link = `${answer.headers.link ?? ''}`
    const cursor = /cursor=([^&>]+)/.exec(link)?.[1] ?? ''
    return `${fromUtf8(answer.body)} ${link} ${Buffer.from(cursor, 'base64url')}`
  }
  const hides = (text: string, what: string): void => {
    assert.doesNotMatch(text, /abbey|reef|harbour/, what)
  }

  it('attack: the names of other sites, out of the cursors of a list', async () => {
    for (const path of [
      '/v1/controllers',
      '/v1/breaks',
      '/v1/campaigns',
      '/v1/inventory/sites',
      '/v1/inventory/controllers',
      '/v1/attention',
    ]) {
      const found: unknown[] = []
      for (let next: string | null = `${path}?limit=1`; next !== null; ) {
        const answer: Answer = orThrow(await send(tim, 'GET', next))
        hides(said(answer), path)
        found.push(...(JSON.parse(fromUtf8(answer.body) ?? '') as unknown[]))
        next = /^<(.*)>; rel="next"$/.exec(`${answer.headers.link ?? ''}`)?.[1] ?? null
      }
      assert.equal(found.length, { '/v1/campaigns': 0, '/v1/inventory/sites': 1, '/v1/attention': 2 }[path] ?? 3, path)
    }
    const cursor = (place: readonly string[]) => Buffer.from(JSON.stringify(place)).toString('base64url')
    const forged = await send(tim, 'GET', `/v1/controllers?cursor=${cursor(['controllers', 'abbey', 'c0'])}`)
    assert.deepEqual(
      new Set(JSON.parse(fromUtf8(orThrow(forged).body) ?? '').map(({ site }: { site: string }) => site)),
      new Set(['quay']),
    )
    const [there, not] = await Promise.all(
      [PLAN.id, 'none'].map(id => send(tim, 'GET', `/v1/campaigns?cursor=${cursor(['campaigns', id])}`)),
    )
    assert.deepEqual(there, not, 'nor whether a campaign is there')
  })

  it('attack: what is due elsewhere, out of the deadlines; who may see a site of a campaign sees when it is due', async () => {
    const due = async (who: HttpsClient): Promise<unknown> =>
      JSON.parse(fromUtf8(orThrow(await send(who, 'GET', `/v1/inventory/deadlines?by=${DUE}`)).body) ?? '')
    assert.deepEqual(await due(tim), [])
    const there = { campaign: PLAN.id, title: PLAN.title, deadline: DUE }
    await door.account('hal', ['operator@site:harbour'])
    await door.account('nora', ['planner@region:nl'])
    await door.account('ula', ['planner@region:uk'])
    for (const [who, sees] of [
      ['hal', [there]],
      ['nora', [there]],
      ['ula', []],
      ['administrator', [there]],
    ] as const) {
      assert.deepEqual(await due(door.client(await door.certificate(who))), sees, who)
    }
  })

  it('attack: the sites of a campaign elsewhere, out of what refuses it', async () => {
    const asks = [
      ['GET', `/v1/campaigns/${PLAN.id}`],
      ['GET', `/v1/campaigns/${PLAN.id}/sheets`],
      ['GET', `/v1/campaigns/${PLAN.id}/controllers`],
      ['GET', `/v1/campaigns/${PLAN.id}/draft`],
      ['POST', `/v1/campaigns/${PLAN.id}/commands`, { command: 'halt', reason: 'no' }],
    ] as const
    for (const [method, path, body] of asks) {
      const [there, not] = await Promise.all(
        [path, path.replace(PLAN.id, 'none')].map(one => send(tim, method, one, body)),
      )
      assert.equal(outcome(there!), 'role-missing', path)
      hides(said(there!), path)
      assert.deepEqual(there, not, 'one that is not there is refused in the same words')
    }
  })

  it('attack: the sites of the fleet, out of its status', async () => {
    await fleet.damage('director/reef', 'timestamp.json')
    const limited = orThrow(await send(tim, 'GET', '/v1/status'))
    hides(said(limited), 'alarms')
    assert.equal(JSON.parse(fromUtf8(limited.body) ?? '').sites.count, 1)
    const whole = orThrow(await send(door.client(await door.certificate('administrator')), 'GET', '/v1/status'))
    assert.match(said(whole), /director\/reef/)
  })

  it('attack: a site moved into another region by who looks after it, and has a role there', async () => {
    await door.account('sly', ['site-engineer@site:quay', 'operator@region:uk'])
    await door.account('eve', ['site-engineer@region:nl', 'site-engineer@region:uk'])
    const asked = (region: string): object => ({
      site: siteFile('quay', region),
      gateway: { csr: 'none', serverCsr: 'none', hosts: ['127.0.0.1'], reportKey: toBase64(new Uint8Array(8)) },
      controllers: [],
    })
    const enrol = async (who: string, region: string) =>
      outcome(await send(door.client(await door.certificate(who)), 'POST', '/v1/sites', asked(region)))
    assert.equal(await enrol('sly', 'uk'), 'role-missing')
    assert.notEqual(await enrol('sly', 'nl'), 'role-missing', 'where it is, it is theirs')
    assert.notEqual(await enrol('eve', 'uk'), 'role-missing', 'who has both regions may move it')
  })
})

function siteFile(site: string, region: string): object {
  return {
    site,
    name: site,
    region,
    zone: 'Europe/Amsterdam',
    vendor: 'voltworks.example',
    gateway: { id: 'g' },
    links: [{ id: 'lan', kind: 'ethernet' }],
    classes: { bms: { hardware: 'r1', slot: '64KiB', bootloader: 1 } },
    controllers: [{ id: 'c0', class: 'bms', link: 'lan' }],
  }
}
