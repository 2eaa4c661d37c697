import assert from 'node:assert/strict'
import type { AttentionView } from '../../src/wire/attention-views.ts'
import { ask } from '../worlds/people.ts'
import type { Seat } from './chromium.ts'
import { GatewayPlant, PAGE_PORT } from './gateway-plant.ts'
import { look } from './look.ts'
import { SEED, Walk } from './walk.ts'

/** The gateway's own page, as an engineer on site uses it: while racks wait, and while the fleet server is stopped. */

let ida = { id: '', password: '' }
let folder = ''
const walk = Walk.through(
  () => GatewayPlant.open(SEED),
  PAGE_PORT,
  async ({ plant }) => {
    ida = await plant.letIn('ida')
    folder = await plant.release('2.0.0', 'bms-2')
  },
)

/** Types name and password, and waits for the site. */
async function signIn({ page }: Seat, password = ida.password): Promise<void> {
  await page.getByLabel('Account').fill(ida.id)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

const RACK = '/controllers/harbour/bms-1'

walk.step('who is not signed in sees the sign-in, at whatever address', async t => {
  const seat = await walk.seat('ida')
  await seat.open(RACK)
  await seat.page.getByRole('heading', { name: 'Sign in at this gateway' }).waitFor()
  await signIn(seat, 'a wrong one of some length')
  await seat.page.getByText(/an account with its own password|a name with its own password/).waitFor()
  await look(t, seat, 'gateway-sign-in', false)
})

walk.step(
  'a password leads to the screen that was asked for, and its session is out of the reach of scripts',
  async () => {
    const seat = await walk.seat('ida')
    await signIn(seat)
    await seat.page.getByRole('heading', { level: 1, name: 'bms-1' }).waitFor()
    assert.equal(await seat.page.evaluate('document.cookie'), '')
    const [session, ...others] = await seat.context.cookies()
    assert.deepEqual(
      [session?.name, session?.httpOnly, session?.secure, session?.sameSite, others.length],
      ['__Host-voltseal-site', true, true, 'Strict', 0],
    )
  },
)

walk.step('the site at rest: what each controller runs, and that the fleet answers', async t => {
  const seat = await walk.seat('ida')
  const { page } = seat
  await seat.open('/')
  await page.getByRole('heading', { level: 1, name: 'Harbour battery park' }).waitFor()
  await page.getByText(/The fleet answers: heard /).waitFor()
  await page.getByText('No controller of this site waits for its turn.').waitFor()
  await page.getByText('live', { exact: true }).waitFor()
  await page.getByRole('region', { name: 'Permissives' }).getByText('18 %').waitFor()
  await look(t, seat, 'gateway at rest', false)
})

walk.step(
  'a campaign comes: its image waits for a yes, and the page asks for one; the fleet knows who waits',
  async t => {
    const { world } = walk.plant
    const [path = ''] = await world.publish(folder)
    await walk.plant.campaign('spring', 'Spring update of the racks', path)
    const seat = await walk.seat('ida')
    const { page } = seat
    const link = page.getByRole('region', { name: 'Link to the fleet' })
    await link.getByText(/the full image, 48 KiB, comes when somebody says yes to it/).waitFor()
    await page
      .getByRole('region', { name: 'Why waiting' })
      .getByText('when somebody at the site allows it')
      .first()
      .waitFor()
    await world.until('the fleet knows who waits for a yes', async () => {
      const all = (await world.must('controller', 'list')) as { id: string; waits: { about: string } | null }[]
      return all.some(({ id, waits }) => id === 'bms-1' && waits?.about === 'ask')
    })
    await world.until('and says so among what needs somebody', async () => {
      const all = await ask<AttentionView[]>(world, '/v1/attention')
      return all.some(({ subject, site }) => subject === 'asking' && site === 'harbour')
    })
    await look(t, seat, 'gateway-asks')
    await link.getByRole('button', { name: 'Let it come' }).click()
  },
)

walk.step('she says yes: the racks stage it, and the page says why they wait, while nobody loads it anew', async () => {
  const { page } = await walk.seat('ida')
  const waits = page.getByRole('region', { name: 'Why waiting' })
  await waits
    .getByText(/charge 18 %, at least 30 % needed/)
    .first()
    .waitFor()
  await waits.getByText('when the plant allows it').first().waitFor()
  await waits.getByText(/bms-4/).first().waitFor()
  await page.getByRole('region', { name: 'Planned and running work' }).getByText('Spring update of the racks').waitFor()
})

walk.step('the fleet server is stopped: the page says so, since when, and what the site has to go on with', async t => {
  await walk.plant.stopFleet()
  const seat = await walk.seat('ida')
  const { page } = seat
  const link = page.getByRole('region', { name: 'Link to the fleet' })
  await link.getByText(/The link is down: it answered last /).waitFor()
  await link.getByText(/controllers?, all of their files are here; they hold for another/).waitFor()
  await page.getByText('live', { exact: true }).waitFor()
  await look(t, seat, 'gateway-down')
})

walk.step('with it stopped, somebody signs in from another browser all the same', async () => {
  const seat = await walk.seat('other')
  await seat.open('/')
  await signIn(seat)
  await seat.page.getByText(/The link is down: /).waitFor()
})

walk.step(
  'the charge is there: the racks go their way by themselves, one goes back, and the page follows',
  async () => {
    walk.plant.charge = 60
    const { page } = await walk.seat('ida')
    const card = (id: string) => page.locator('.card', { has: page.getByRole('link', { name: id, exact: true }) })
    await card('bms-1').getByText('2.0.0').first().waitFor()
    await card('bms-2').getByText('update failed').waitFor()
    await page.getByText(/items wait to be handed over/).waitFor()
  },
)

walk.step(
  'the history of the rack that went back: each event opens what was said, and its item of the gateway’s own log',
  async t => {
    const seat = await walk.seat('ida')
    const { page } = seat
    await page.getByRole('link', { name: 'bms-2', exact: true }).first().click()
    await page.getByRole('heading', { level: 1, name: 'bms-2' }).waitFor()
    await page
      .getByRole('button', { name: /revert/i })
      .first()
      .click()
    await page
      .getByText(/item \d+ of this gateway’s own log$/)
      .first()
      .waitFor()
    await look(t, seat, 'gateway-history')
    await page
      .getByRole('link', { name: /^item \d+ of this gateway’s own log$/ })
      .first()
      .click()
    await page.getByRole('heading', { level: 1, name: /^Item \d+ of this gateway’s own log$/ }).waitFor()
    await page.getByText('holds under the key that the controller is enrolled with', { exact: true }).waitFor()
    await page.getByText('not yet: it waits here to be handed over').waitFor()
    await look(t, seat, 'gateway item', false)
  },
)

walk.step('without a pointer: / leads to the filter, j and Enter to a controller, ? to the keys', async () => {
  const seat = await walk.seat('ida')
  const { page } = seat
  await seat.open('/')
  await page.getByRole('heading', { name: 'Controllers', exact: true }).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('bms-3')
  const cards = page.getByRole('region', { name: 'Controllers' }).locator('.card')
  await cards.filter({ hasText: 'bms-1' }).waitFor({ state: 'detached' })
  await page.keyboard.press('Tab')
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'bms-3' }).waitFor()
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'hidden' })
})

walk.step('who is shut out at the gateway is out of an open page with its next question', async () => {
  const { world } = walk.plant
  await world.must('gateway', 'account', 'disable', world.at('gateway'), ida.id)
  for (const name of ['ida', 'other']) {
    const { page } = await walk.seat(name)
    await page.getByRole('heading', { name: 'Sign in at this gateway' }).waitFor()
  }
})
