import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import type { Page } from 'playwright-core'
import type { Seat } from './chromium.ts'
import type { Somebody } from './plant.ts'
import { signInBy, Walk } from './walk.ts'

/** What other pages, other windows and the browser's own memory can do to a session: tried with a browser that keeps its rules. */

let paula: Somebody
const walk = Walk.of(async ({ plant }) => {
  paula = await plant.somebody('paula', 'Paula of the plant', 'planner@fleet', 'operator@fleet', 'auditor@fleet')
})
let elsewhere: Server | null = null
after(() => void elsewhere?.close())

/** A page of somebody else: on this machine, under another port. To a browser that is the same site, and another origin. */
async function strangerPage(seat: Seat, body = ''): Promise<Page> {
  elsewhere?.close()
  elsewhere = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><h1>Elsewhere</h1>${body}`)
  })
  await new Promise<void>(resolve => elsewhere?.listen(0, '127.0.0.1', resolve))
  const page = await seat.context.newPage()
  await page.goto(`http://localhost:${(elsewhere.address() as AddressInfo).port}/`)
  return page
}

/** Whether the session of this browser is still good. */
const signedIn = async ({ page }: Seat): Promise<boolean> =>
  (await page.evaluate(`fetch('/v1/whoami').then(({ status }) => status)`)) === 200

walk.step('attack: a session that somebody planted before the sign-in', async () => {
  const seat = await walk.seat('paula')
  await seat.open('/')
  // A script of any page of this machine may set it: another port is the same host to cookies.
  const page = await strangerPage(seat)
  await page.evaluate(`document.cookie = '__Host-voltseal=planted-by-somebody; Secure; Path=/'`)
  await page.close()
  await signInBy(seat, paula)
  const cookies = await seat.context.cookies()
  const session = cookies.filter(({ name }) => name === '__Host-voltseal')
  assert.equal(session.length, 1)
  assert.notEqual(session[0]?.value, 'planted-by-somebody')
  assert.deepEqual([session[0]?.httpOnly, session[0]?.secure, session[0]?.sameSite], [true, true, 'Strict'])
})

walk.step('attack: a script of the page that reads the session', async () => {
  const seat = await walk.seat('paula')
  assert.equal(await seat.page.evaluate('document.cookie'), '')
  const stored = (await seat.page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')) as string
  const [session] = (await seat.context.cookies()).filter(({ name }) => name === '__Host-voltseal')
  assert.ok(session !== undefined && !stored.includes(session.value))
})

walk.step('attack: a page of another port that asks with the session of whoever visits it', async () => {
  const seat = await walk.seat('paula')
  const page = await strangerPage(seat)
  const ask = (init: object): Promise<unknown> =>
    page.evaluate(
      `fetch('${seat.origin}/v1/sign-out', ${JSON.stringify({ method: 'POST', credentials: 'include', ...init })}).then(({ status }) => status, () => 'stopped')`,
    )
  // As a form would: the browser asks nobody first, and sends the cookie, since another port is the same site. What comes back
  // is for the fleet’s own pages only (Cross-Origin-Resource-Policy).
  assert.equal(await ask({ mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: '{}' }), 'stopped')
  // With the header of the fleet’s own page the browser asks first, and is told nothing.
  assert.equal(await ask({ headers: { 'x-voltseal-request': '1', 'content-type': 'application/json' } }), 'stopped')
  const read = await page.evaluate(
    `fetch('${seat.origin}/v1/whoami', { credentials: 'include' }).then(one => one.text(), () => 'stopped')`,
  )
  assert.equal(read, 'stopped')
  assert.ok(await signedIn(seat))
  await page.close()
})

walk.step('attack: a form of another page that is sent to the console', async () => {
  const seat = await walk.seat('paula')
  const form = `<form method="post" enctype="text/plain" action="${seat.origin}/v1/sign-out"><button>Win</button></form>`
  const page = await strangerPage(seat, form)
  const answered = page.waitForResponse(`${seat.origin}/v1/sign-out`)
  await page.getByRole('button', { name: 'Win' }).click()
  assert.ok((await answered).status() >= 400)
  assert.ok(await signedIn(seat))
  await page.close()
})

walk.step('attack: a page that frames the console, and lets people click in it', async () => {
  const seat = await walk.seat('paula')
  const page = await strangerPage(seat, `<iframe src="${seat.origin}/"></iframe>`)
  const framed = page.frames().find(frame => frame !== page.mainFrame())
  assert.ok(framed !== undefined)
  assert.equal(await framed.locator('#console').count(), 0)
  await page.close()
})

walk.step('attack: whoever sits down behind somebody who has signed out, and goes back', async () => {
  const seat = await walk.seat('paula')
  await seat.open('/?class=ems')
  await seat.open('/?class=bms')
  await seat.page.getByText('bms').first().waitFor()
  await seat.page.getByText('Paula of the plant').first().click()
  await seat.page.getByRole('button', { name: 'Sign out' }).click()
  await seat.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await seat.page.goBack()
  await seat.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.equal(await seat.page.getByText('bms').count(), 0)
})

walk.step(
  'a session that ends while a screen is open leads to the sign-in, and from there back to the screen',
  async () => {
    const seat = await walk.seat('paula')
    await seat.open('/?class=bms')
    await signInBy(seat, paula)
    await seat.context.clearCookies()
    await seat.page.reload()
    await seat.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await signInBy(seat, paula)
    await seat.page.getByRole('heading', { name: 'Fleet' }).waitFor()
    assert.equal(new URL(seat.page.url()).search, '?class=bms')
  },
)
