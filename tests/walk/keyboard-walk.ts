import assert from 'node:assert/strict'
import { expectFocusOn, press, tabTo, typeInto, unreached } from './keyboard.ts'
import type { Somebody } from './plant.ts'
import { Walk } from './walk.ts'

/** The console by its keyboard alone. */

/** Behind `g`, and what it leads to. */
const SCREENS = [
  ['c', 'Campaigns'],
  ['a', 'Approvals'],
  ['u', 'Audit'],
  ['f', 'Fleet'],
] as const

const PLACES = [
  '/',
  '/sites/harbour',
  '/controllers/harbour/bms-1',
  '/campaigns',
  '/campaigns/new',
  '/approvals',
  '/releases',
  '/audit?entry=3',
]

let paula: Somebody
const walk = Walk.of(async ({ plant }) => {
  paula = await plant.somebody('paula', 'Paula of the plant', 'planner@fleet', 'operator@fleet', 'auditor@fleet')
})

walk.step('she signs in', async () => {
  const seat = await walk.seat('paula')
  await seat.open('/')
  await typeInto(seat, 'Account', paula.id)
  await typeInto(seat, 'Password', paula.password)
  await seat.page.keyboard.press('Enter')
  await seat.page.getByRole('navigation', { name: 'Screens' }).waitFor()
})

walk.step('the first Tab on a screen leads past the navigation', async () => {
  const seat = await walk.seat('paula')
  await seat.open('/')
  await press(seat, 'To the content')
  assert.equal(await seat.page.evaluate('document.activeElement.id'), 'main')
})

walk.step('? lists the keys, and Escape leads back to where she was', async () => {
  const seat = await walk.seat('paula')
  await seat.open('/')
  await tabTo(seat, 'Fleet')
  await seat.page.keyboard.press('?')
  await seat.page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await seat.page.keyboard.press('Escape')
  await seat.page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'hidden' })
  assert.equal(await seat.page.evaluate('document.activeElement.textContent.trim()'), 'Fleet')
})

walk.step('g and a letter lead to each screen of the navigation, and the focus is on its heading', async () => {
  const { page } = await walk.seat('paula')
  for (const [letter, heading] of SCREENS) {
    await page.keyboard.press('g')
    await page.keyboard.press(letter)
    await page.getByRole('heading', { level: 1, name: heading }).waitFor()
    await expectFocusOn(page, heading)
  }
})

for (const path of PLACES) {
  walk.aside(`Tab leads to everything on ${path} that does something`, async () => {
    const seat = await walk.seat('paula')
    await seat.open(path)
    await seat.page
      .getByText(/Asking the server|Looking|so far; more come/)
      .first()
      .waitFor({ state: 'hidden' })
    assert.deepEqual(await unreached(seat), [])
  })
}
