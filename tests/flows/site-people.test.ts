import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { SiteWorld } from '../../src/flows/ports.ts'
import { noteSitePeople, sitePseudonym } from '../../src/flows/site-people.ts'
import { CHEAP, SitePage } from '../worlds/site-page.ts'
import { Died, Interruptor, type Mode } from './interruption/interruptor.ts'

describe('who may sign in at a gateway, as its log is told', () => {
  let page: SitePage
  beforeEach(() => {
    page = new SitePage()
  })
  afterEach(() => page.close())

  const note = (world: SiteWorld = page.world) => noteSitePeople(world, page.reception.people)
  /** What the log was told since, in short. */
  const told = async (from = 0): Promise<string[]> => {
    const entries = await page.entries(from)
    return entries.map(({ kind, detail }) => `${kind} ${detail.event} ${detail.role}`)
  }

  it('nobody on the list is nothing to tell', async () => {
    assert.equal(await note(), null)
    assert.deepEqual(await told(), [])
  })

  it('each change is told once, by pseudonym: let in, another role, another password, shut out, let in again, forgotten', async () => {
    await page.person('ida')
    await note()
    await note()
    await page.person('ida', { role: 'site-engineer' })
    await note()
    const other = orThrow(await CHEAP.hash('another of the same kind'))
    await page.person('ida', { standing: { at: 'in-force', password: other } })
    await note()
    await page.person('ida', { standing: { at: 'disabled' } })
    await page.person('ole')
    await note()
    await page.person('ida', { standing: { at: 'in-force', password: other } })
    await note()
    const pseudonym = sitePseudonym(page.world, page.known('ida'))
    await page.person('ida', null)
    await note()
    assert.deepEqual(await told(), [
      'site-people-changed let-in technician',
      'site-people-changed role site-engineer',
      'site-people-changed password site-engineer',
      'site-people-changed shut-out site-engineer',
      'site-people-changed let-in technician',
      'site-people-changed let-in-again site-engineer',
      'site-people-changed forgotten site-engineer',
    ])
    const entries = await page.entries()
    assert.ok(entries.filter(({ detail }) => detail.account === pseudonym).length === 6)
    assert.doesNotMatch(JSON.stringify(entries), /"ida"|"ole"|scrypt/)
    assert.ok(entries.every(({ actor }) => actor.kind === 'gateway' && actor.id === 'quay'))
  })

  it('a list that cannot be used is told to whoever runs the gateway, and the log waits', async () => {
    await page.person('ida')
    chmodSync(page.peopleFile, 0o604)
    const refusal = await note()
    assert.equal(refusal?.code, 'site-people-unusable')
    assert.match(refusal?.actual ?? '', /mode 604/)
    assert.deepEqual(await told(), [])
    await page.person('ida')
    assert.equal(await note(), null)
    assert.deepEqual(await told(), ['site-people-changed let-in technician'])
  })

  for (const mode of ['lost', 'unanswered'] as readonly Mode[]) {
    it(`a power cut at the write (${mode}): it is told once in the end`, async () => {
      await page.person('ida')
      const interruptor = new Interruptor(1, mode)
      const cut = { ...page.world, store: interruptor.store(page.store) }
      await assert.rejects(note(cut), Died)
      assert.equal(await note(), null)
      assert.deepEqual(await told(), ['site-people-changed let-in technician'])
    })
  }

  it('what the store knows of it was damaged: all of them are told once more, and nothing is lost', async () => {
    await page.person('ida')
    await note()
    await page.store.commit({ files: [{ repo: 'people', path: 'told.json', bytes: new Uint8Array([1, 2]) }] })
    await note()
    assert.equal((await told()).length, 2)
  })
})
