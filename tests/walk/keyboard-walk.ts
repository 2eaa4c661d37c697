import assert from 'node:assert/strict'
import { press, tabTo, typeInto, unreached } from './keyboard.ts'
import type { Somebody } from './plant.ts'
import { Walk } from './walk.ts'

/** The console by its keyboard alone. */

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

walk.step('Tab leads to everything on the Fleet screen that does something', async () => {
  const seat = await walk.seat('paula')
  await seat.open('/')
  assert.deepEqual(await unreached(seat), [])
})
