import assert from 'node:assert/strict'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, beforeEach, describe, it } from 'node:test'
import { SITE_COOKIE } from '../../../src/apps/gateway/page-gate.ts'
import { WATCHING } from '../../../src/apps/process/page-requests.ts'
import type { AuditEntry } from '../../../src/core/ledger/entry.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { MOST_SITE_SESSIONS } from '../../../src/flows/site-sign-in.ts'
import { SITE_SCREENS } from '../../../src/wire/console-screens.ts'
import type { SiteWhoView } from '../../../src/wire/site-page-api.ts'
import { outcome, type PageBrowser, setCookie } from '../../worlds/page-browser.ts'
import { CHEAP, PAGE, SITE_PASSWORD, SitePage } from '../../worlds/site-page.ts'

const HOUR = 3_600_000
/** Everything that the page may ask for. */
const READS = [
  '/v1/whoami',
  '/v1/link',
  '/v1/sites/quay',
  '/v1/sites/quay/controllers',
  '/v1/sites/quay/controllers/bms-1',
  '/v1/sites/quay/plant',
  '/v1/controllers/quay/bms-1/history',
  '/v1/controllers/quay/bms-1/versions',
  '/v1/items/1',
]

describe('the door of a gateway’s own page, with its fleet not there', () => {
  let page: SitePage
  let browser: PageBrowser
  before(async () => {
    page = new SitePage()
    browser = await page.open()
  })
  after(() => page?.close())
  beforeEach(async () => {
    page.reception.memory.attempts.clear()
    page.reception.memory.noise.clear()
    page.pass(24 * HOUR)
    chmodSync(page.folder, 0o700)
    await page.person('ida')
  })

  const cookieOf = async (name: string): Promise<string> => {
    const answer = await browser.signIn(name, SITE_PASSWORD)
    assert.equal(outcome(answer), 200)
    return setCookie(answer)
  }
  /** The log from now on. */
  const since = async (): Promise<() => Promise<AuditEntry[]>> => {
    const from = await page.store.lastGiven()
    return () => page.entries(from)
  }

  // --- Its files and headers ---

  it('gives its files to whoever asks, at each address of a screen, and nothing else', async () => {
    for (const screen of SITE_SCREENS) {
      const answer = await browser.send('GET', screen.replaceAll(/\{\w+\}/g, 'bms-1'))
      assert.deepEqual([answer.status, answer.text], [200, PAGE], screen)
    }
    assert.equal((await browser.send('GET', '/assets/app-1.js')).text, 'export {}')
    for (const path of ['/people.json', '/../people.json', '/%2e%2e/people.json', '/gateway.sqlite', '/v1/offer']) {
      const { status, text } = await browser.send('GET', path)
      assert.ok(status === 404 || status === 400, path)
      assert.doesNotMatch(text, /scrypt|salt/)
    }
  })

  it('every answer has the headers that keep a page to itself: files, data, refusals, and what is no HTTP', async () => {
    const cookie = await cookieOf('ida')
    const answers = [
      await browser.send('GET', '/'),
      await browser.page(cookie, 'GET', '/v1/link'),
      await browser.send('GET', '/v1/link'),
      await browser.send('GET', '/nowhere'),
      await browser.signIn('ida', 'a guess'),
    ]
    for (const { headers } of answers) {
      const policy = `${headers['content-security-policy']}`
      assert.match(policy, /default-src 'none'/)
      assert.doesNotMatch(policy, /unsafe|https?:|data:|\*/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['x-frame-options'], 'DENY')
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    }
    assert.equal(answers[1]?.headers['cache-control'], 'no-store')
    assert.equal(answers[1]?.headers['voltseal-time'], `${page.now}`)
  })

  it('under TLS it tells browsers to come back by TLS alone', async () => {
    const secure = await page.open({ tls: true })
    const answer = await secure.send('GET', '/')
    assert.match(`${answer.headers['strict-transport-security']}`, /max-age=31536000/)
  })

  it('attack: a name of somebody else that leads to this machine', async () => {
    const foreign = await browser.send('GET', '/', { headers: { host: 'evil.example:8446' } })
    assert.equal(outcome(foreign), 'console-request-foreign')
  })

  // --- Who comes in ---

  it('attack: reading without a session: nothing is answered, and a page that only asks is no event', async () => {
    const log = await since()
    for (const path of READS) assert.equal(outcome(await browser.send('GET', path)), 'sign-in-required', path)
    assert.deepEqual(await log(), [])
  })

  it('a technician signs in, reads everything, and signs out; the log has both, and no name', async () => {
    const log = await since()
    const begun = await browser.signIn('ida', SITE_PASSWORD)
    assert.equal(begun.status, 200)
    const [set] = begun.headers['set-cookie'] ?? []
    for (const part of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict', `Max-Age=${12 * 3600}`]) {
      assert.ok(set?.split('; ').includes(part), part)
    }
    assert.ok(set?.startsWith(`${SITE_COOKIE}=voltseal_b_`))
    assert.doesNotMatch(begun.text, /voltseal_/, 'a script has no use for its secret')
    const cookie = setCookie(begun)
    for (const path of READS) assert.equal(outcome(await browser.page(cookie, 'GET', path)), 200, path)
    const who = JSON.parse((await browser.page(cookie, 'GET', '/v1/whoami')).text) as SiteWhoView
    assert.deepEqual([who.account, who.role, who.site], ['ida', 'technician', 'quay'])
    assert.deepEqual([who.may['read-inventory'], who.may.halt, who.may['read-audit']], [['site:quay'], [], []])
    assert.equal((await browser.page(cookie, 'POST', '/v1/sign-out', {})).status, 204)
    assert.equal(outcome(await browser.page(cookie, 'GET', '/v1/link')), 'credential-unknown')
    const entries = await log()
    assert.deepEqual(
      entries.map(({ kind }) => kind),
      ['site-access-granted', 'site-access-ended', 'access-refused'],
    )
    const text = JSON.stringify(entries)
    assert.doesNotMatch(text, /ida|127\.0\.0\.1/)
    assert.match(`${entries[0]?.detail.account}`, /^person:[0-9a-f]{64}$/)
    assert.match(`${entries[0]?.detail.address}`, /^address:[0-9a-f]{64}$/)
    assert.equal(entries[0]?.detail.account, entries[1]?.detail.account)
  })

  it('attack: a yes to a full image, by somebody who is not signed in, or from another page', async () => {
    const body = { controller: 'bms-1' }
    const cookie = await cookieOf('ida')
    assert.equal(
      outcome(await browser.send('POST', '/v1/full-images', { headers: browser.own, body })),
      'sign-in-required',
    )
    const elsewhere = { ...browser.own, origin: 'https://elsewhere.example', cookie }
    assert.equal(outcome(await browser.send('POST', '/v1/full-images', { headers: elsewhere, body })), 'request-forged')
    assert.equal(outcome(await browser.page(cookie, 'POST', '/v1/full-images', body)), 'full-image-not-waited-for')
    assert.equal(outcome(await browser.page(cookie, 'POST', '/v1/full-images', {})), 'request-malformed')
  })

  it('another site’s name is refused, and so is a controller that is not there', async () => {
    const cookie = await cookieOf('ida')
    for (const [path, code] of [
      ['/v1/sites/reef', 'site-unknown'],
      ['/v1/sites/reef/controllers', 'site-unknown'],
      ['/v1/sites/reef/plant', 'site-unknown'],
      ['/v1/controllers/reef/bms-1/history', 'site-unknown'],
      ['/v1/controllers/quay/bms-9/history', 'controller-unknown'],
      ['/v1/items/0', 'not-found'],
      ['/v1/items/999999', 'not-found'],
      ['/v1/items/1e3', 'not-found'],
      ['/v1/items/-1', 'not-found'],
    ] as const) {
      assert.equal(outcome(await browser.page(cookie, 'GET', path)), code, path)
    }
  })

  it('a wrong name and a wrong password are refused alike, and what was typed is not in the log', async () => {
    const log = await since()
    const wrong = await browser.signIn('ida', 'open sesame and more')
    const nobody = await browser.signIn('my secret password typed here', SITE_PASSWORD)
    assert.deepEqual([outcome(wrong), outcome(nobody)], ['sign-in-wrong', 'sign-in-wrong'])
    const entries = await log()
    assert.deepEqual(
      entries.map(({ kind, code }) => [kind, code]),
      [
        ['access-refused', 'sign-in-wrong'],
        ['access-refused', 'sign-in-wrong'],
      ],
    )
    assert.doesNotMatch(JSON.stringify(entries), /secret password|open sesame|"ida"/)
    assert.match(`${entries[0]?.detail.account}`, /^person:/)
    assert.equal(entries[1]?.detail.account, undefined)
  })

  it('attack: guessing a password: six wrong ones lock, also for the right one, and a minute later it goes on', async () => {
    for (let n = 0; n < 5; n += 1) assert.equal(outcome(await browser.signIn('ida', 'a guess')), 'sign-in-wrong')
    assert.equal(outcome(await browser.signIn('ida', SITE_PASSWORD)), 'sign-in-locked')
    page.pass(61_000)
    assert.equal(outcome(await browser.signIn('ida', SITE_PASSWORD)), 200)
  })

  it('attack: a hundred guesses at once are a hundred guesses', async () => {
    const tried = await Promise.all(Array.from({ length: 30 }, () => browser.signIn('ida', 'a guess')))
    const codes = tried.map(outcome)
    assert.ok(codes.filter(code => code === 'sign-in-wrong').length <= 6, `${codes}`)
    assert.ok(codes.every(code => code === 'sign-in-wrong' || code === 'sign-in-locked' || code === 'sign-in-busy'))
  })

  it('attack: filling the log with sign-ins: a hundred in ten minutes are written, the rest is counted', async () => {
    const log = await since()
    for (let n = 0; n < 110; n += 1) await browser.signIn(`name-${n}`, 'a guess')
    assert.equal((await log()).length, 100)
  })

  it('bad input at the sign-in is refused before anything is judged', async () => {
    for (const body of [
      {},
      { cookie: true, proof: { at: 'password', account: 'ida' } },
      { cookie: false, proof: { at: 'password', account: 'ida', password: SITE_PASSWORD } },
      { cookie: true, proof: { at: 'password', account: ['ida'], password: SITE_PASSWORD } },
      { cookie: true, proof: { at: 'password', account: 'a'.repeat(65), password: SITE_PASSWORD } },
      { cookie: true, proof: { at: 'password', account: 'ida', password: 'x'.repeat(1025) } },
      { cookie: true, proof: { at: 'passkey', account: 'ida', password: SITE_PASSWORD } },
      { cookie: true, more: 1, proof: { at: 'password', account: 'ida', password: SITE_PASSWORD } },
      'not json',
      'x'.repeat(20_000),
    ]) {
      const answer = await browser.send('POST', '/v1/sign-in', { headers: browser.own, body })
      assert.equal(outcome(answer), 'request-malformed', JSON.stringify(body).slice(0, 80))
      assert.equal(answer.headers['set-cookie'], undefined)
    }
    assert.equal(page.reception.memory.attempts.size, 0)
  })

  // --- Sessions ---

  it('a session ends half an hour behind the last thing that somebody did, whatever the page asks by itself', async () => {
    const cookie = await cookieOf('ida')
    const watch = () => browser.send('GET', '/v1/link', { headers: { ...browser.own, cookie, [WATCHING]: '1' } })
    page.pass(29 * 60_000)
    assert.equal(outcome(await watch()), 200)
    page.pass(2 * 60_000)
    assert.equal(outcome(await watch()), 'credential-expired')
    const used = await cookieOf('ida')
    for (let n = 0; n < 4; n += 1) {
      page.pass(29 * 60_000)
      assert.equal(outcome(await browser.page(used, 'GET', '/v1/link')), 200)
    }
  })

  it('a session ends half a day behind its sign-in, however much it is used', async () => {
    const cookie = await cookieOf('ida')
    for (let n = 0; n < 24; n += 1) {
      page.pass(29 * 60_000)
      assert.equal(outcome(await browser.page(cookie, 'GET', '/v1/link')), 200)
    }
    page.pass(25 * 60_000)
    assert.equal(outcome(await browser.page(cookie, 'GET', '/v1/link')), 'credential-expired')
  })

  it('attack: a session whose person was shut out, has another password, or is gone from the list', async () => {
    const out = await cookieOf('ida')
    await page.person('ida', { standing: { at: 'disabled' } })
    assert.equal(outcome(await browser.page(out, 'GET', '/v1/link')), 'credential-revoked')
    assert.equal(outcome(await browser.signIn('ida', SITE_PASSWORD)), 'sign-in-wrong')
    const password = orThrow(await CHEAP.hash(SITE_PASSWORD))
    await page.person('ida', { standing: { at: 'in-force', password } })
    assert.equal(outcome(await browser.page(out, 'GET', '/v1/link')), 'credential-unknown', 'what ended stays so')
    const changed = await cookieOf('ida')
    await page.person('ida', {
      standing: { at: 'in-force', password: orThrow(await CHEAP.hash('another of the kind')) },
    })
    assert.equal(outcome(await browser.page(changed, 'GET', '/v1/link')), 'credential-revoked')
    await page.person('ida', { standing: { at: 'in-force', password } })
    const gone = await cookieOf('ida')
    await page.person('ida', null)
    assert.equal(outcome(await browser.page(gone, 'GET', '/v1/link')), 'credential-revoked')
  })

  it('attack: a secret that was made up, another kind of one, or two at once', async () => {
    const cookie = await cookieOf('ida')
    const [name, secret = ''] = cookie.split('=')
    const other = `${secret.slice(0, -2)}${secret.endsWith('AA') ? 'BB' : 'AA'}`
    for (const [value, code] of [
      [other, 'credential-unknown'],
      [secret.replace('_b_', '_s_'), 'credential-unknown'],
      ['x', 'credential-unknown'],
      ['', 'credential-unknown'],
      [`${secret}; ${name}=${secret}`, 'credential-twice'],
    ] as const) {
      assert.equal(outcome(await browser.page(`${name}=${value}`, 'GET', '/v1/link')), code, value)
    }
    const bearer = { authorization: `Bearer ${secret}` }
    assert.equal(outcome(await browser.send('GET', '/v1/link', { headers: bearer })), 'sign-in-required')
    assert.equal(outcome(await browser.page(`__Host-voltseal=${secret}`, 'GET', '/v1/link')), 'sign-in-required')
  })

  it(`who signs in ${MOST_SITE_SESSIONS + 1} times has the newest ${MOST_SITE_SESSIONS} sessions, and keeps nobody else from theirs`, async () => {
    await page.person('ole')
    const other = await cookieOf('ole')
    const cookies: string[] = []
    for (let n = 0; n <= MOST_SITE_SESSIONS; n += 1) cookies.push(await cookieOf('ida'))
    const codes = await Promise.all(
      cookies.map(async cookie => outcome(await browser.page(cookie, 'GET', '/v1/whoami'))),
    )
    assert.deepEqual(codes, ['credential-unknown', ...cookies.slice(1).map(() => 200)])
    assert.equal(outcome(await browser.page(other, 'GET', '/v1/whoami')), 200)
  })

  // --- Other pages ---

  it('attack: a page elsewhere that asks, signs out, or signs its visitor in as somebody else', async () => {
    const cookie = await cookieOf('ida')
    const log = await since()
    const foreign: Readonly<Record<string, string>>[] = [
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'x-voltseal-request': '1' },
      { 'sec-fetch-site': 'same-site', 'x-voltseal-request': '1' },
      { origin: 'http://localhost:9999', 'x-voltseal-request': '1' },
    ]
    for (const headers of foreign) {
      const asked = await browser.send('GET', '/v1/link', { headers: { ...headers, cookie } })
      assert.equal(outcome(asked), 'request-forged')
      const out = await browser.send('POST', '/v1/sign-out', { headers: { ...headers, cookie }, body: {} })
      assert.equal(outcome(out), 'request-forged')
    }
    const plain = await browser.send('POST', '/v1/sign-out', { headers: { origin: browser.url, cookie }, body: {} })
    assert.equal(outcome(plain), 'request-forged', 'without the header of the page')
    assert.equal(outcome(await browser.page(cookie, 'GET', '/v1/link')), 200)
    assert.ok((await log()).length > 0, 'with a session, it is an event')
    const before = await since()
    for (const headers of foreign) {
      assert.equal(outcome(await browser.signIn('ida', SITE_PASSWORD, headers)), 'request-forged')
    }
    assert.deepEqual(await before(), [], 'what any page can have a browser send fills no log')
  })

  // --- The list ---

  it('attack: a list that others can read or write, that is damaged, or of another site: nobody comes in, and nobody is told where it lies', async () => {
    const cookie = await cookieOf('ida')
    const text = JSON.stringify({ kind: 'voltseal-site-people', v: 1, site: 'reef', people: [] })
    const spoils: (() => void)[] = [
      () => chmodSync(page.peopleFile, 0o644),
      () => chmodSync(page.peopleFile, 0o620),
      () => writeFileSync(page.peopleFile, '{'),
      () => writeFileSync(page.peopleFile, text),
      () => writeFileSync(page.peopleFile, ' '.repeat(70_000)),
    ]
    for (const spoil of spoils) {
      await page.person('ida')
      spoil()
      for (const answer of [
        await browser.page(cookie, 'GET', '/v1/link'),
        await browser.signIn('ida', SITE_PASSWORD),
      ]) {
        assert.equal(outcome(answer), 'site-people-unusable')
        assert.doesNotMatch(answer.text, /people\.json'|voltseal-page-/)
      }
    }
    await page.person('ida')
    assert.equal(outcome(await browser.page(cookie, 'GET', '/v1/link')), 200)
  })

  it('without a list nobody comes in', async () => {
    rmSync(page.peopleFile)
    assert.equal(outcome(await browser.signIn('ida', SITE_PASSWORD)), 'sign-in-wrong')
  })
})

describe('a sign-in that is judged while the list changes', () => {
  it('attack: an old password, or somebody who is shut out, in a sign-in that began before and ends behind the change', async () => {
    let meanwhile: () => Promise<void> = async () => {}
    const slow = {
      hash: CHEAP.hash,
      matches: async (password: string, hash: string | null) => {
        const right = await CHEAP.matches(password, hash)
        await meanwhile()
        return right
      },
    }
    const page = new SitePage(slow)
    try {
      await page.person('ida')
      const browser = await page.open()
      meanwhile = () => page.person('ida', { standing: { at: 'disabled' } })
      assert.equal(outcome(await browser.signIn('ida', SITE_PASSWORD)), 'sign-in-wrong')
      const password = orThrow(await CHEAP.hash(SITE_PASSWORD))
      await page.person('ida', { standing: { at: 'in-force', password } })
      const other = orThrow(await CHEAP.hash('another of the same kind'))
      meanwhile = () => page.person('ida', { standing: { at: 'in-force', password: other } })
      assert.equal(outcome(await browser.signIn('ida', SITE_PASSWORD)), 'sign-in-wrong')
    } finally {
      await page.close()
    }
  })
})
