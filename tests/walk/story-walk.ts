import { look } from './look.ts'
import type { Somebody } from './plant.ts'
import { signInBy, Walk } from './walk.ts'

/** One campaign as people live through it, in the order in which it happens. */

let paula: Somebody
const walk = Walk.of(async ({ plant }) => {
  await plant.release('bms', '2.0.0', true)
  paula = await plant.somebody('paula', 'Paula of the plant', 'planner@fleet', 'operator@fleet', 'auditor@fleet')
})

walk.step('who is not signed in sees the sign-in screen, at whatever address', async t => {
  const seat = await walk.seat('paula')
  await seat.open('/sites/harbour')
  await seat.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await look(t, seat, 'sign-in')
})

walk.step('a password lets Paula in, and leads her where she wanted to go', async () => {
  const seat = await walk.seat('paula')
  await seat.open('/')
  await signInBy(seat, paula)
})

walk.step('the fleet, as it stands', async t => {
  const seat = await walk.seat('paula')
  await seat.page.getByText('bms').first().waitFor()
  await look(t, seat, 'fleet')
})

walk.step('the whole log is verified in her browser, and the proof of an entry is drawn', async t => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await seat.open('/audit')
  await page
    .getByText(/Verified in your browser/)
    .first()
    .waitFor()
  await page.getByLabel('Kind').selectOption('controller-registered')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText(/all that there are/).waitFor()
  await look(t, seat, 'audit')
  await page
    .getByRole('link', { name: /controller-registered/ })
    .first()
    .click()
  await page.getByText('Proven in your browser.').waitFor()
  await look(t, seat, 'audit-proof')
})

walk.step('the proof that she takes along holds without this server', async () => {
  const { page } = await walk.seat('paula')
  const taken = page.waitForEvent('download')
  await page.getByRole('button', { name: /^Download \d+\.tlog-proof$/ }).click()
  const file = walk.plant.world.at('taken.tlog-proof')
  await (await taken).saveAs(file)
  await walk.plant.world.must('audit', 'verify-proof', file)
})
