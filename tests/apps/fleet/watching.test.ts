import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { WATCHING } from '../../../src/apps/process/page-requests.ts'
import { millis } from '../../../src/core/encoding/units.ts'
import { ConsoleBrowser } from '../../worlds/console-browser.ts'
import { outcome, setCookie } from '../../worlds/page-browser.ts'
import { PeopleDoor } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const MINUTES = 60_000

describe('a session of a page that is left open', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  let browser: ConsoleBrowser
  before(async () => {
    fleet = await QuietFleet.make()
    door = await PeopleDoor.open(fleet)
    await door.account('ada', ['auditor@fleet'])
    await door.password('ada')
    browser = await ConsoleBrowser.open(door, { folder: `${fleet.folder}/nowhere` })
  })
  after(async () => {
    await browser?.close()
    await door?.close()
    fleet?.close()
  })

  const ask = async (cookie: string, more: Record<string, string>): Promise<string | number> =>
    outcome(await browser.send('GET', '/v1/whoami', { headers: { ...browser.own, ...more, cookie } }))

  it('attack: it is kept alive for whoever comes by, by what the page asks for by itself', async () => {
    const cookie = setCookie(await browser.signIn('ada'))
    for (let minutes = 0; minutes < 29; minutes += 5) {
      fleet.clock.advance(millis(5 * MINUTES - 1))
      assert.equal(await ask(cookie, { [WATCHING]: '1' }), 200, `${minutes}`)
    }
    fleet.clock.advance(millis(MINUTES))
    assert.equal(await ask(cookie, { [WATCHING]: '1' }), 'credential-expired')
  })

  it('it goes on for who does something', async () => {
    const cookie = setCookie(await browser.signIn('ada'))
    for (let round = 0; round < 4; round += 1) {
      fleet.clock.advance(millis(20 * MINUTES))
      assert.equal(await ask(cookie, {}), 200)
    }
  })

  it('attack: a change that says it only watches is a use all the same', async () => {
    const cookie = setCookie(await browser.signIn('ada'))
    fleet.clock.advance(millis(20 * MINUTES))
    const body = { id: 'eve', kind: 'person', name: 'Eve', roles: [] }
    const headers = { ...browser.own, [WATCHING]: '1', cookie }
    assert.equal(outcome(await browser.send('POST', '/v1/accounts', { headers, body })), 'role-missing')
    fleet.clock.advance(millis(20 * MINUTES))
    assert.equal(await ask(cookie, {}), 200)
  })
})
