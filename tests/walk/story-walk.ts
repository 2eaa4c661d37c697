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

walk.step('the site, and one of its controllers', async t => {
  const seat = await walk.seat('paula')
  await seat.open('/sites/harbour')
  await seat.page.getByRole('heading', { level: 1, name: /Harbour/ }).waitFor()
  await look(t, seat, 'site')
  await seat.open('/controllers/harbour/bms-1')
  await seat.page.getByRole('heading', { level: 1, name: /bms-1/ }).waitFor()
  await look(t, seat, 'controller')
})
