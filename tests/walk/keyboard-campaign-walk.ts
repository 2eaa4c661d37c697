import assert from 'node:assert/strict'
import type { Seat } from './chromium.ts'
import { choose, expectFocusOn, press, tabTo, tick, typeInto, withoutPointer } from './keyboard.ts'
import { Authenticator, SAVE_KEY } from './passkey.ts'
import type { Somebody } from './plant.ts'
import { Walk } from './walk.ts'

/** One campaign from its plan to its evidence by the keyboard alone, by the two who have to do with it in a browser. */

let paula: Somebody
let anna: Somebody
let folders: readonly string[] = []
const walk = Walk.of(async ({ plant }) => {
  folders = [await plant.release('bms', '2.0.0'), await plant.release('bms', '2.0.1')]
  paula = await plant.somebody('paula', 'Paula of the plant', 'planner@fleet', 'operator@fleet', 'auditor@fleet')
  anna = await plant.somebody('anna', 'Anna, who approves', 'approver@fleet')
})

/** Types a password, adds a passkey, signs out, and signs in with it. */
async function comeInByPasskey(seat: Seat, { id, password }: Somebody): Promise<void> {
  const { page } = seat
  await withoutPointer(seat)
  await Authenticator.plug(page)
  await seat.open('/')
  await typeInto(seat, 'Account', id)
  await typeInto(seat, 'Password', password)
  await page.keyboard.press('Enter')
  await page.getByRole('navigation', { name: 'Screens' }).waitFor()
  await press(seat, /^Signed in as/)
  await press(seat, 'Sessions and passkeys')
  await page.getByRole('button', { name: 'Add a passkey' }).waitFor()
  await typeInto(seat, 'What to call a new one', 'the blue key')
  await page.keyboard.press('Enter')
  await page.getByRole('rowheader', { name: 'the blue key' }).waitFor()
  if (id === anna.id) {
    const saved = page.waitForEvent('download')
    await press(seat, SAVE_KEY)
    await (await saved).saveAs(walk.plant.world.at('anna.passkey'))
  }
  await press(seat, 'Sign out everywhere')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await press(seat, 'Sign in with a passkey')
  await page.getByRole('navigation', { name: 'Screens' }).waitFor()
}

/** Goes to a screen by its two keys, and waits until its heading has the focus. */
async function goTo({ page }: Seat, letter: string, heading: string): Promise<void> {
  await page.keyboard.press('g')
  await page.keyboard.press(letter)
  await expectFocusOn(page, heading)
}

walk.step('two people come in with passkeys, and one of these is let into the approval root', async () => {
  await comeInByPasskey(await walk.seat('paula'), paula)
  await comeInByPasskey(await walk.seat('anna'), anna)
  await walk.plant.admitPasskey(anna.id, walk.plant.world.at('anna.passkey'))
  await walk.plant.world.publish(...folders)
})

walk.step('a plan is written into the form, tried, and kept', async () => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await goTo(seat, 'c', 'Campaigns')
  await press(seat, 'New campaign')
  await expectFocusOn(page, 'New campaign')
  await page.getByLabel(/bms 2\.0\.0/).waitFor()
  await typeInto(seat, 'Name', 'keys')
  await typeInto(seat, 'Title', 'By keys alone')
  await choose(seat, /^Criticality/, 'security')
  await tick(seat, /^bms 2\.0\.0/)
  await typeInto(seat, 'Classes', 'bms')
  await typeInto(seat, 'Ways back', 'bms/2.0.0/envelope.suit bms/2.0.1/envelope.suit')
  await press(seat, 'Dry run')
  await page.getByRole('heading', { name: 'Dry run: nothing is kept' }).waitFor()
  await press(seat, 'Keep it, for approval')
  await expectFocusOn(page, 'Approvals')
  await page.getByRole('heading', { level: 2, name: 'By keys alone' }).waitFor()
})

walk.step('it is approved: with a passkey in a browser, and with the key in a file elsewhere', async () => {
  const seat = await walk.seat('anna')
  const { page } = seat
  await goTo(seat, 'a', 'Approvals')
  await page.getByText('0 of 2 signed').first().waitFor()
  await typeInto(seat, 'Comment, for the log', 'nobody needs a mouse')
  await press(seat, 'Approve')
  await press(seat, 'Sign with your passkey')
  await expectFocusOn(page, 'Your signature of keys counts: 1 of 2.')
  await walk.plant.world.approve('keys', 0)
  await page.getByText(/No plan waits/).waitFor()
})

walk.step('it is opened by its row, started, and watched until its canary has soaked for a while', async () => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await goTo(seat, 'c', 'Campaigns')
  await page.getByRole('link', { name: 'By keys alone' }).waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await expectFocusOn(page, 'By keys alone')
  await press(seat, 'Start')
  await page.getByText('1 of 4 confirmed').waitFor()
  await page.getByText('soaking').first().waitFor()
})

walk.step('h halts it, once its name is typed', async () => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await page.keyboard.press('h')
  const dialog = page.getByRole('dialog', { name: /^Halt/ })
  await dialog.waitFor()
  await page.keyboard.type('key')
  await page.keyboard.press('Enter')
  await dialog.getByText('Type the campaign’s name: keys').waitFor()
  await tabTo(seat, 'Type keys')
  await page.keyboard.press('Control+A')
  await page.keyboard.type('keys')
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'hidden' })
  await page
    .getByText(/^halted:/i)
    .first()
    .waitFor()
  assert.notEqual(await page.evaluate('document.activeElement.localName'), 'body')
})

walk.step('it is rolled back, with the reason', async () => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await press(seat, 'Roll back')
  const dialog = page.getByRole('dialog', { name: /^Roll back/ })
  await dialog.waitFor()
  await page.keyboard.type('tried enough')
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'hidden' })
  await page.getByText('1 returned').first().waitFor()
  await page.getByText(/rolled back (?:now|.* ago)/).waitFor()
})

walk.step('an entry of the log is searched for, opened and proven, and its proof is taken along', async () => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await goTo(seat, 'u', 'Audit')
  await page.keyboard.press('/')
  assert.equal(await page.evaluate('document.activeElement.name'), 'site')
  await choose(seat, /^Kind/, 'campaign-halted')
  await press(seat, 'Search')
  await page.getByText(/^1 entry, all that there are/).waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.getByText('Proven in your browser.').waitFor()
  const taken = page.waitForEvent('download')
  await press(seat, /^Download \d+\.tlog-proof$/)
  const file = walk.plant.world.at('taken.tlog-proof')
  await (await taken).saveAs(file)
  await walk.plant.world.must('audit', 'verify-proof', file)
})

walk.step('an evidence pack is made and taken along, and it holds', async () => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await press(seat, 'Make a pack')
  await page.getByRole('link', { name: 'Download', exact: true }).waitFor({ timeout: 90_000 })
  const taken = page.waitForEvent('download')
  await press(seat, 'Download')
  const file = walk.plant.world.at('taken.zip')
  await (await taken).saveAs(file)
  await walk.plant.world.must('evidence', 'verify', file)
})
