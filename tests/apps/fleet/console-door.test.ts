import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { readPageFiles } from '../../../src/adapters/page-files.ts'
import { COOKIE } from '../../../src/apps/fleet/session-cookie.ts'
import { PAGE_HEADER } from '../../../src/apps/process/page-requests.ts'
import { isRefusalCode } from '../../../src/core/refusal/registry.ts'
import type { WhoView } from '../../../src/wire/account-api.ts'
import { FLEET_SCREENS } from '../../../src/wire/console-screens.ts'
import { ROUTES } from '../../../src/wire/fleet-routes.ts'
import { ConsoleBrowser } from '../../worlds/console-browser.ts'
import { outcome, setCookie } from '../../worlds/page-browser.ts'
import { PASSWORD, PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const INDEX = '<!doctype html><title>the page</title>'
/** What a browser lets the console's page do, directive by directive. */
const POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self'",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
  'require-trusted-types-for': "'script'",
  'trusted-types': "'none'",
}
const KEPT_TO_ITSELF = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}
const policyOf = (headers: IncomingHttpHeaders): object =>
  Object.fromEntries(
    `${headers['content-security-policy']}`
      .split('; ')
      .map(one => [one.split(' ')[0], one.slice(one.indexOf(' ') + 1)]),
  )

/** What stands in for a name in a screen's address. */
const there = (screen: string): string => screen.replaceAll(/\{\w+\}/g, 'quay')

describe('the console’s door', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  let browser: ConsoleBrowser
  let secure: ConsoleBrowser
  let folder: string
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('quay', 1)
    door = await PeopleDoor.open(fleet)
    for (const id of ['ada', 'bob']) {
      await door.account(id, [id === 'ada' ? 'administrator@fleet' : 'auditor@fleet'])
      await door.password(id)
    }
    folder = `${fleet.folder}/page`
    mkdirSync(`${folder}/assets`, { recursive: true })
    writeFileSync(`${folder}/index.html`, INDEX)
    writeFileSync(`${folder}/assets/app-1234.js`, 'export {}'.repeat(100))
    browser = await ConsoleBrowser.open(door, { folder })
    secure = await ConsoleBrowser.open(door, { folder, tls: true })
  })
  after(async () => {
    await browser?.close()
    await secure?.close()
    await door?.close()
    fleet?.close()
  })

  // --- Its files ---

  it('answers each address of a screen with the one page, and what is built under its own name', async () => {
    for (const screen of FLEET_SCREENS) {
      const answer = await browser.send('GET', there(screen))
      assert.deepEqual([answer.status, answer.text], [200, INDEX], screen)
      assert.equal(answer.headers['cache-control'], 'no-cache')
    }
    const asset = await browser.send('GET', '/assets/app-1234.js', { headers: { 'accept-encoding': 'br, gzip' } })
    assert.equal(asset.headers['content-encoding'], 'gzip')
    assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
    const plain = await browser.send('GET', '/assets/app-1234.js')
    assert.deepEqual([plain.headers['content-encoding'], plain.text], [undefined, 'export {}'.repeat(100)])
    const tag = `${plain.headers.etag}`
    assert.equal((await browser.send('GET', '/assets/app-1234.js', { headers: { 'if-none-match': tag } })).status, 304)
    const head = await browser.send('HEAD', '/')
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', `${INDEX.length}`])
  })

  it('attack: a path out of the folder of files', async () => {
    writeFileSync(`${fleet.folder}/secret.html`, 'what nobody may see')
    writeFileSync(`${folder}/.stamp`, 'not a page')
    symlinkSync(`${fleet.folder}/fleet`, `${folder}/linked`)
    assert.deepEqual([...(readPageFiles(folder) ?? []).keys()].toSorted(), ['/', '/assets/app-1234.js', '/index.html'])
    for (const path of [
      '/../secret.html',
      '/..%2fsecret.html',
      '/%2e%2e/secret.html',
      '/assets/..%5c..%5csecret.html',
      '/linked/fleet.yaml',
      '/.stamp',
      '/assets/',
      '/toString',
      '/__proto__',
      '/fleet.yaml',
      '/%00',
      '/%',
    ]) {
      const answer = await browser.send('GET', path)
      assert.ok(answer.status === 404 || answer.status === 400, path)
      assert.doesNotMatch(answer.text, /nobody may see|kind:/)
    }
  })

  it('says that it was not built, and serves the API all the same', async () => {
    const bare = await ConsoleBrowser.open(door, { folder: `${fleet.folder}/nowhere` })
    assert.equal(outcome(await bare.send('GET', '/')), 'console-not-built')
    assert.equal(outcome(await bare.send('GET', '/v1/whoami')), 'sign-in-required')
    await bare.close()
  })

  // --- Who comes in ---

  it('a session begun here reads and changes what its account may, and ends', async () => {
    const begun = await browser.signIn('ada')
    assert.equal(begun.status, 200)
    for (const part of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict']) {
      assert.ok(`${begun.headers['set-cookie']}`.split('; ').includes(part), part)
    }
    assert.doesNotMatch(begun.text, /voltseal_/, 'a script has no use for its secret')
    const cookie = setCookie(begun)
    const who = JSON.parse((await browser.page(cookie, 'GET', '/v1/whoami')).text) as WhoView
    assert.deepEqual([who.account, who.by, who.session?.idleMillis], ['ada', 'browser', 30 * 60_000])
    assert.equal(who.session?.expiresAt, fleet.clock.now() + 12 * 3_600_000)
    assert.deepEqual([who.may['manage-accounts'], who.may.start], [['fleet'], []])
    const made = { id: 'eve', kind: 'person', name: 'Eve', roles: ['auditor@fleet'] }
    assert.equal((await browser.page(cookie, 'POST', '/v1/accounts', made)).status, 200)
    assert.equal((await browser.page(cookie, 'GET', '/log/checkpoint')).status, 200)
    assert.equal((await browser.page(cookie, 'POST', '/v1/sign-out', {})).status, 204)
    assert.equal(outcome(await browser.page(cookie, 'GET', '/v1/whoami')), 'credential-revoked')
  })

  it('attack: nobody reads anything without a session: every route of the API, and what is for gateways is not there', async () => {
    const size = async (): Promise<number> => (await fleet.world.store.log()).size
    const before = await size()
    const said = new Map<string, string[]>()
    for (const { method, path, access, id } of ROUTES) {
      const answer = await browser.send(method, there(path), {
        headers: browser.own,
        ...(method === 'GET' ? {} : { body: {} }),
      })
      const code = `${outcome(answer)}`
      said.set(code, [...(said.get(code) ?? []), id])
      // How one may sign in is for whoever comes; the other routes for strangers want to know more.
      const open = id === 'signInWays' ? '200' : 'request-malformed'
      const expected = access.for === 'gateways' ? 'not-found' : access.for === 'strangers' ? open : 'sign-in-required'
      assert.equal(code, expected, `${method} ${path}`)
    }
    assert.ok((said.get('not-found')?.length ?? 0) >= 5 && (said.get('sign-in-required')?.length ?? 0) >= 40)
    const reads = ROUTES.filter(({ method, access }) => method === 'GET' && access.for !== 'gateways')
    assert.ok(
      (await size()) - before <= ROUTES.length - reads.length,
      'who only looks whether they are signed in is no attempt',
    )
  })

  it('attack: the secret of a token or of a session in a header, where the fleet takes only certificates', async () => {
    const token = await door.token('bob')
    const headers = { authorization: `Bearer ${token}` }
    assert.equal(outcome(await browser.send('GET', '/v1/whoami', { headers })), 'sign-in-required')
    const asked = { proof: { at: 'password', account: 'bob', password: PASSWORD } }
    const begun = await browser.send('POST', '/v1/sign-in', { headers: browser.own, body: asked })
    assert.equal(outcome(begun), 'request-malformed', 'a secret that is of use nowhere')
    const open = await ConsoleBrowser.open(door, { folder, signIn: true })
    assert.equal((await open.send('GET', '/v1/whoami', { headers })).status, 200, 'as at the fleet’s own door')
    await open.close()
  })

  it('attack: session fixation: a session brought along to the sign-in is not the one after it', async () => {
    const planted = await browser.cookie('bob')
    const mine = setCookie(await browser.signIn('ada', PASSWORD, { cookie: planted }))
    assert.notEqual(mine, planted)
    const account = async (cookie: string): Promise<string> =>
      (JSON.parse((await browser.page(cookie, 'GET', '/v1/whoami')).text) as WhoView).account
    assert.deepEqual([await account(mine), await account(planted)], ['ada', 'bob'])
    const made = `${COOKIE}=voltseal_b_${'0'.repeat(16)}_${'A'.repeat(43)}`
    assert.equal(outcome(await browser.page(made, 'GET', '/v1/whoami')), 'credential-unknown')
    assert.equal(outcome(await browser.page(`${mine}; ${planted}`, 'GET', '/v1/whoami')), 'credential-twice')
  })

  it('attack: CSRF: another page that lets the browser send its cookie along', async () => {
    const cookie = await browser.cookie('ada')
    const body = { id: 'mallory', kind: 'person', name: 'Mallory', roles: ['administrator@fleet'] }
    const { [PAGE_HEADER]: _, ...bare } = browser.own
    for (const headers of [
      { ...browser.own, origin: 'https://evil.example' },
      { ...browser.own, origin: 'null' },
      // Another port of this machine is another origin, and of the same site.
      { ...browser.own, origin: 'http://localhost:8446', 'sec-fetch-site': 'same-site' },
      { ...browser.own, 'sec-fetch-site': 'cross-site' },
      { ...browser.own, 'sec-fetch-site': 'same-site' },
      { ...browser.own, [PAGE_HEADER]: '' },
      bare,
      {},
    ]) {
      const answer = await browser.send('POST', '/v1/accounts', { headers: { ...headers, cookie }, body })
      assert.equal(outcome(answer), 'request-forged', JSON.stringify(headers))
    }
    assert.equal(await fleet.world.store.account('mallory'), null, 'nothing was done')
    const read = { cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }
    assert.equal(outcome(await browser.send('GET', '/v1/accounts', { headers: read })), 'request-forged')
    assert.equal((await browser.page(cookie, 'GET', '/v1/accounts')).status, 200)
  })

  it('attack: CSRF of the sign-in: a page that signs its visitor in as somebody else', async () => {
    const { [PAGE_HEADER]: _, ...bare } = browser.own
    for (const headers of [
      bare,
      { [PAGE_HEADER]: '1', origin: 'https://evil.example' },
      { [PAGE_HEADER]: '1', 'sec-fetch-site': 'cross-site' },
    ]) {
      const body = { proof: { at: 'password', account: 'bob', password: PASSWORD }, cookie: true }
      const answer = await browser.send('POST', '/v1/sign-in', { headers, body })
      assert.deepEqual([outcome(answer), answer.headers['set-cookie']], ['request-forged', undefined])
    }
    const main = (headers: Record<string, string>) => {
      const body = { proof: { at: 'password', account: 'bob', password: PASSWORD }, cookie: true }
      return send(door.client(), 'POST', '/v1/sign-in', body, headers).then(answer =>
        'code' in answer ? answer.code : answer.status,
      )
    }
    assert.equal(await main({ origin: 'https://evil.example' }), 'request-forged', 'nor at the fleet’s own door')
    assert.equal(
      await main({ origin: browser.url }),
      'request-forged',
      'cookies know no ports: the console is elsewhere',
    )
    assert.equal(await main({ 'sec-fetch-site': 'same-site' }), 'request-forged')
    assert.equal(await main({}), 200, 'a command line says nothing of the kind')
    const form = { ...browser.own, 'content-type': 'text/plain' }
    const answer = await browser.send('POST', '/v1/sign-in', { headers: form, body: '{"cookie":true}' })
    assert.equal(outcome(answer), 'request-malformed')
  })

  it('attack: a page whose own name points here (DNS rebinding)', async () => {
    const cookie = await browser.cookie('ada')
    for (const host of [
      'evil.example',
      'evil.example:8445',
      'localhost',
      'localhost:8446',
      'localhost.evil.example:8445',
      '127.0.0.1:8445',
    ]) {
      for (const path of ['/', '/v1/whoami', '/v1/none']) {
        const answer = await browser.send('GET', path, { headers: { ...browser.own, cookie, host } })
        assert.deepEqual([answer.status, outcome(answer)], [403, 'console-request-foreign'], `${host}${path}`)
      }
    }
    assert.equal((await browser.send('GET', '/', { headers: { host: 'LOCALHOST:8445' } })).status, 200)
    assert.equal(
      outcome(await secure.send('GET', '/', { headers: { host: 'evil.example' } })),
      'console-request-foreign',
    )
    assert.equal((await secure.send('GET', '/')).status, 200)
  })

  it('attack: another page frames the console, or takes its files for its own', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const from = (mode: string, dest: string) => ({
        'sec-fetch-site': site,
        'sec-fetch-mode': mode,
        'sec-fetch-dest': dest,
      })
      const ask = (path: string, headers: Record<string, string>) =>
        browser.send('GET', path, { headers }).then(outcome)
      assert.equal(await ask('/sites/quay', from('navigate', 'document')), 200, 'a link leads here')
      assert.equal(await ask('/', from('navigate', 'iframe')), 'console-request-foreign')
      assert.equal(await ask('/assets/app-1234.js', from('no-cors', 'script')), 'console-request-foreign')
      assert.equal(await ask('/assets/app-1234.js', from('navigate', 'document')), 'console-request-foreign')
    }
  })

  it('attack: a page elsewhere that fills the log by knocking', async () => {
    const size = async (): Promise<number> => (await fleet.world.store.log()).size
    const before = await size()
    const elsewhere = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' }
    for (const headers of [elsewhere, { ...elsewhere, host: 'evil.example' }]) {
      for (const path of ['/v1/accounts', '/v1/sign-in', '/v1/campaigns/none/commands', '/elsewhere']) {
        assert.ok((await browser.send('POST', path, { headers, body: '{}' })).status >= 400)
        assert.ok((await browser.send('GET', path, { headers })).status >= 400)
      }
    }
    assert.equal(await size(), before)
    // What comes with a cookie, or without a word of where it comes from, is somebody's attempt.
    const cookie = await browser.cookie('ada')
    const begun = await size()
    await browser.send('POST', '/v1/accounts', { headers: { ...elsewhere, cookie }, body: '{}' })
    await browser.send('POST', '/v1/accounts', { body: {} })
    assert.equal(await size(), begun + 2)
  })

  it('attack: password guessing at the console is counted with that at the fleet’s door', async () => {
    await door.account('gus', ['auditor@fleet'])
    await door.password('gus')
    for (let n = 0; n < 5; n += 1) {
      assert.equal(outcome(await browser.signIn('gus', `guess ${n}`)), 'sign-in-wrong')
    }
    assert.equal(outcome(await browser.signIn('gus')), 'sign-in-locked')
    const main = await door.signIn('gus', PASSWORD)
    assert.ok('code' in main && main.code === 'sign-in-locked' && isRefusalCode(main.code))
  })

  // --- Headers ---

  it('every answer carries the headers: files, views, refusals, events, and what is no HTTP', async () => {
    for (const one of [browser, secure]) {
      const cookie = await one.cookie('ada')
      const answers = [
        await one.send('GET', '/'),
        await one.send('GET', '/assets/app-1234.js'),
        await one.send('GET', '/elsewhere'),
        await one.send('GET', '/%'),
        await one.send('GET', '/', { headers: { host: 'evil.example' } }),
        await one.send('OPTIONS', '/v1/accounts'),
        await one.send('GET', '/v1/whoami'),
        await one.send('POST', '/v1/sign-in', { headers: one.own, body: '{' }),
        await one.page(cookie, 'GET', '/v1/whoami'),
        await one.page(cookie, 'GET', '/log/checkpoint'),
        await one.page(cookie, 'POST', '/v1/accounts', { id: '' }),
        await one.signIn('ada'),
        await one.begin(cookie, '/v1/events'),
      ]
      for (const [n, { status, headers }] of answers.entries()) {
        assert.deepEqual(policyOf(headers), POLICY, `${n} ${status}`)
        for (const [name, value] of Object.entries(KEPT_TO_ITSELF)) assert.equal(headers[name], value, `${n} ${name}`)
        assert.equal(headers['access-control-allow-origin'], undefined)
        // The page and its files hold nothing of anybody; the files of the log are asked for anew; all else is kept by no cache.
        const kept = ['no-cache', 'public, max-age=31536000, immutable', ...Array(7), 'private, no-cache'][n]
        assert.equal(headers['cache-control'], kept ?? 'no-store', `${n}`)
        const strict = headers['strict-transport-security']
        assert.equal(strict, one === secure ? 'max-age=31536000' : undefined)
      }
    }
    const text = await raw(browser.port, 'what is no HTTP\r\n\r\n')
    assert.match(text, /^HTTP\/1\.1 400 /)
    assert.match(text, /\r\ncontent-security-policy: default-src 'none';/)
  })

  it('attack: a target that is no path', async () => {
    for (const target of ['http://evil.example/v1/whoami', '//evil.example/', '*']) {
      const text = await raw(
        browser.port,
        `GET ${target} HTTP/1.1\r\nHost: localhost:8445\r\nConnection: close\r\n\r\n`,
      )
      assert.match(text, /^HTTP\/1\.1 40[034] /, `${target} ${text}`)
      assert.doesNotMatch(text, /the page/)
    }
  })

  it('under TLS it speaks 1.3 with its own certificate, and asks nobody for one', async () => {
    assert.equal((await secure.page(await secure.cookie('bob'), 'GET', '/v1/whoami')).status, 200)
    const plain = await raw(secure.port, 'GET / HTTP/1.1\r\nHost: console.example\r\n\r\n')
    assert.doesNotMatch(plain, /the page/)
  })
})

/** All that is answered to a text, until the connection ends. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(text)
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part)
  return Buffer.concat(parts).toString()
}
