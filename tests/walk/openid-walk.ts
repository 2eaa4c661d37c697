import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { CLIENT, OpenIdParty } from '../worlds/openid-party.ts'
import type { Seat } from './chromium.ts'
import { look } from './look.ts'
import { ORIGIN, type Somebody } from './plant.ts'
import { signInBy, Walk } from './walk.ts'

/** Sign-in by the word of another party, in a browser: an OpenID provider of its own, with a page that people go to and come back from. */

/** Who Ada and Mallory are at the party, and somebody whom nobody has linked. */
const [ADA, MALLORY, NOBODY] = ['248289761001', '248289761002', '248289761003']

let party: OpenIdParty
let ada: Somebody
const walk = Walk.of(
  async ({ plant }) => {
    ada = await plant.somebody('ada', 'Ada of the works', 'operator@fleet', 'auditor@fleet')
    await plant.somebody('mallory', 'Mallory', 'auditor@fleet')
    for (const [id, subject] of [
      ['ada', ADA],
      ['mallory', MALLORY],
    ] as const) {
      await plant.world.must('account', 'identity', id, '--provider', party.issuer, '--subject', subject)
    }
  },
  { fleet: vouched },
)
after(() => party?.close())

/** Starts the party, and says so in the fleet's config. */
async function vouched(world: World): Promise<object> {
  party = await OpenIdParty.start([`${ORIGIN}/v1/sign-in/return/works`])
  const [secretFile, ca] = [world.at('works.secret'), world.at('works-ca.pem')]
  writeFileSync(secretFile, `${CLIENT.secret}\n`, { mode: 0o600 })
  writeFileSync(ca, party.ca)
  const works = { name: 'works', label: 'the works', issuer: party.issuer, clientId: CLIENT.id, secretFile, ca }
  return { signIn: { withoutCertificate: true, openid: [works] } }
}

/** A browser that goes to the party too. No authority that browsers know has certified the party of this walk. */
async function seatOf(name: string): Promise<Seat> {
  const seat = await walk.seat(name, { ignoreHTTPSErrors: true })
  seat.others.add(party.issuer)
  return seat
}

/** Says at the party's page who one is. */
async function sayWho({ page }: Seat, person: string): Promise<void> {
  await page.getByRole('heading', { name: 'The works' }).waitFor()
  await page.getByLabel('Who are you?').fill(person)
  await page.getByRole('button', { name: 'That is me' }).click()
}

/** Every address of the console that this window has been at. */
async function visited({ context, page }: Seat): Promise<readonly string[]> {
  const devtools = await context.newCDPSession(page)
  const { entries } = await devtools.send('Page.getNavigationHistory')
  return entries.map(({ url }) => url).filter(url => url.startsWith(ORIGIN))
}

const signedIn = async ({ page }: Seat): Promise<boolean> =>
  (await page.evaluate(`fetch('/v1/whoami').then(({ status }) => status)`)) === 200

walk.step('the sign-in screen has a button for the party, by the name that its operator gave it', async t => {
  const seat = await seatOf('ada')
  await seat.open('/campaigns?show=over')
  await seat.page.getByRole('button', { name: 'Sign in with the works' }).waitFor()
  await look(t, seat, 'sign-in-by-party', false)
})

walk.step('who goes to the party and turns back can sign in another way', async () => {
  const seat = await seatOf('ada')
  const { page } = seat
  await page.getByRole('button', { name: 'Sign in with the works' }).click()
  await page.getByRole('heading', { name: 'The works' }).waitFor()
  await page.goBack()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await signInBy(seat, ada)
  await seat.context.clearCookies()
})

walk.step('the party says who she is, and she is where she wanted to go, in a session like any other', async () => {
  const seat = await seatOf('ada')
  const { page } = seat
  await seat.open('/campaigns?show=over')
  await page.getByRole('button', { name: 'Sign in with the works' }).click()
  await sayWho(seat, ADA)
  await page.getByRole('heading', { level: 1, name: 'Campaigns' }).waitFor()
  assert.equal(new URL(page.url()).search, '?show=over')
  const ours = (await seat.context.cookies(ORIGIN)).filter(({ name }) => name.startsWith('__Host-voltseal'))
  assert.deepEqual(
    ours.map(({ name, httpOnly, secure, sameSite }) => [name, httpOnly, secure, sameSite]),
    [['__Host-voltseal', true, true, 'Strict']],
  )
  await seat.open('/me')
  await page.getByText(ADA).waitFor()
})

walk.step('attack: a code or a state that stays where a script or the next person finds it', async () => {
  const seat = await seatOf('ada')
  const all = await visited(seat)
  assert.ok(all.length >= 2)
  assert.deepEqual(
    all.filter(url => /[?&](?:code|state)=/.test(url)),
    [],
  )
  const kept = (await seat.page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')) as string
  assert.doesNotMatch(kept, /code|token|state/)
})

walk.step('whom the party knows and nobody here has linked is refused, and reads why', async t => {
  const seat = await seatOf('nobody')
  const { page } = seat
  await seat.open('/')
  await page.getByRole('button', { name: 'Sign in with the works' }).click()
  await sayWho(seat, NOBODY)
  await page.getByText('You were not signed in').waitFor()
  assert.equal(new URL(page.url()).searchParams.get('refused'), 'identity-unlinked')
  assert.ok(!(await signedIn(seat)))
  await look(t, seat, 'sign-in-refused', false)
})

walk.step('attack: the end of somebody else’s sign-in, opened in this browser (login CSRF)', async () => {
  const mallory = await seatOf('mallory')
  await mallory.open('/')
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-voltseal-request': '1' },
    body: JSON.stringify({ provider: party.issuer, to: '/' }),
  }
  const begun = `fetch('/v1/sign-in/challenges', ${JSON.stringify(init)}).then(one => one.json())`
  const { url } = (await mallory.page.evaluate(begun)) as { url: string }
  const end = await party.visit(url, MALLORY)
  assert.ok(end.startsWith(`${ORIGIN}/v1/sign-in/return/works?`))
  const seat = await seatOf('nobody')
  await seat.page.goto(end)
  await seat.page.getByText('You were not signed in').waitFor()
  assert.ok(!(await signedIn(seat)))
  // In the browser in which it began it would have been good, and now nobody has it.
  await mallory.page.goto(end)
  await mallory.page.getByText('You were not signed in').waitFor()
})
