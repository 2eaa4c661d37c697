import assert from 'node:assert/strict'
import { instant } from '../../src/core/encoding/units.ts'
import { formatUtc } from '../../src/core/encoding/utc-time.ts'
import { look } from './look.ts'
import { Authenticator, addPasskey, SAVE_KEY, signInByPasskey, signOutEverywhere } from './passkey.ts'
import type { Somebody } from './plant.ts'
import { signInBy, Walk } from './walk.ts'

/** One campaign as people live through it, in the order in which it happens. */

/** Before the time of the plan is over, which is a week. */
const IN_THREE_DAYS = formatUtc(instant((Math.floor(Date.now() / 1000) + 3 * 86_400) * 1000))

const PATCHING = { patches: true } as const

let paula: Somebody
let anna: Somebody
let ben: Somebody
let rita: Somebody
let mira: Somebody
/** The authenticators of those who approve. */
const fingers = new Map<string, Authenticator>()
let folders: readonly string[] = []
const walk = Walk.of(async ({ plant }) => {
  // 2.0.0 does not work on one of the racks; 2.0.1 undoes it. What runs is published too: patches are made from it.
  const made = [await plant.release('bms', '2.0.0', ['bms-2']), await plant.release('bms', '2.0.1')]
  folders = [plant.factoryRelease('bms'), ...made]
  paula = await plant.somebody('paula', 'Paula of the plant', 'planner@fleet', 'operator@fleet', 'auditor@fleet')
  anna = await plant.somebody('anna', 'Anna, who approves', 'approver@fleet')
  ben = await plant.somebody('ben', 'Ben, who approves too', 'approver@fleet')
  rita = await plant.somebody('rita', 'Rita, who publishes', 'release-manager@fleet', 'auditor@fleet')
  mira = await plant.somebody('mira', 'Mira, at the maker', 'release-manager@fleet')
}, PATCHING)

walk.step('who is not signed in sees the sign-in screen, at whatever address', async t => {
  const seat = await walk.seat('paula')
  await seat.open('/sites/harbour')
  await seat.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await look(t, seat, 'sign-in')
})

walk.step(
  'a password lets Paula in once: with it she adds a passkey, and the passkey lets her in from then on',
  async t => {
    const seat = await walk.seat('paula')
    const { page } = seat
    const authenticator = await Authenticator.plug(page)
    await seat.open('/sites/harbour')
    await signInBy(seat, paula)
    await page.getByRole('heading', { level: 1, name: 'Harbour battery park' }).waitFor()
    await addPasskey(seat, 'the blue key')
    await look(t, seat, 'me-first', false)
    await signOutEverywhere(seat)
    await authenticator.recognise(false)
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await page.getByText('No passkey was used.').waitFor()
    await authenticator.recognise(true)
    await signInByPasskey(seat)
    assert.deepEqual(
      (await authenticator.passkeys()).map(({ rpId, signCount }) => [rpId, signCount > 0]),
      [['localhost', true]],
    )
    await seat.open('/')
  },
)

walk.step(
  'Anna and Ben come in with passkeys too, and the holders of the approval root let theirs into it',
  async t => {
    const { plant } = walk
    for (const who of [anna, ben]) {
      const seat = await walk.seat(who.id)
      fingers.set(who.id, await Authenticator.plug(seat.page))
      await seat.open('/me')
      await signInBy(seat, who)
      await addPasskey(seat, 'the phone')
      const file = plant.world.at(`${who.id}.passkey`)
      const saved = seat.page.waitForEvent('download')
      await seat.page.getByRole('button', { name: SAVE_KEY }).click()
      await (await saved).saveAs(file)
      await seat.page.getByText('It is the public part of the key').waitFor()
      if (who === anna) await look(t, seat, 'me')
      await plant.admitPasskey(who.id, file)
      await signOutEverywhere(seat)
      await signInByPasskey(seat)
    }
  },
)

walk.step('the fleet, as it stands', async t => {
  const seat = await walk.seat('paula')
  await seat.page.getByText('bms').first().waitFor()
  await look(t, seat, 'fleet at rest', false)
})

walk.step('releases are published on a machine of their maker, and stand in a form that is open', async () => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await seat.open('/campaigns')
  await page.getByText('No campaign here.').waitFor()
  await page.getByRole('button', { name: 'New campaign' }).click()
  await page.getByRole('heading', { level: 1, name: 'New campaign' }).waitFor()
  await page.getByText('Nothing is published.').waitFor()
  await walk.plant.world.publish(...folders)
  await page.getByLabel(/bms 2\.0\.0/).waitFor()
  await page.getByLabel(/bms 2\.0\.1/).waitFor()
})

walk.step('Paula writes a plan, and a dry run says who gets what when, and what is at risk', async t => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await page.getByLabel('Name', { exact: true }).first().fill('spring')
  await page.getByLabel('Title').fill('Spring update of the racks')
  await page.getByLabel('Change request').fill('CHG-2041')
  await page.getByLabel(/bms 2\.0\.0/).check()
  await page.getByLabel('Classes').fill('bms')
  await page.getByLabel('Halts behind so many failures in all').fill('1')
  await page.getByLabel('Restarting at a site').fill('1')
  await page.getByLabel('Deadline').fill(IN_THREE_DAYS)
  await page.getByLabel('Ways back').fill('bms/2.0.0/envelope.suit bms/2.0.1/envelope.suit')
  const canary = page.getByRole('group', { name: 'Wave 1' })
  await canary.getByLabel('Takes').selectOption('count')
  await canary.getByLabel('How many').fill('2')
  await canary.getByLabel('Soak').fill('1s')
  await page.getByRole('group', { name: 'Wave 2' }).getByLabel('Soak').fill('1s')
  const keep = page.getByRole('button', { name: 'Keep it, for approval' })
  await page.getByText('Make a dry run first.').waitFor()
  await page.getByRole('button', { name: 'Dry run' }).click()
  await page.getByRole('heading', { name: 'Dry run: nothing is kept' }).waitFor()
  await page.getByText(/4 bms: 1\.0\.0 to 2\.0\.0/).waitFor()
  const patches = page.getByRole('region', { name: 'Patches to bms 2.0.0' })
  const own = patches.getByRole('row', { name: /^bms 1\.0\.0 4 / })
  await own.getByText(/^[0-9.]+ (?:bytes|KiB) of 48 KiB, [0-9.]+ %$/).waitFor()
  await own.getByText(/made in [0-9.]+ s$/).waitFor()
  assert.equal(await page.getByRole('button', { name: /^Make it now|^Try again/ }).count(), 0)
  await look(t, seat, 'campaign-new')
  await keep.click()
  await page.getByRole('heading', { level: 1, name: 'Approvals' }).waitFor()
})

walk.step('she cannot approve what she drew up, and the button says why', async t => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await page.getByRole('heading', { level: 2, name: 'Spring update of the racks' }).waitFor()
  const approve = page.getByRole('button', { name: 'Approve' })
  assert.equal(await approve.getAttribute('aria-disabled'), 'true')
  const why = await approve.getAttribute('aria-describedby')
  assert.notEqual((await page.locator(`#${why}`).textContent())?.trim(), '')
  await look(t, seat, 'approvals', false)
})

walk.step(
  'Anna, who is another person, approves it in her browser: she presses Approve, and her passkey signs',
  async t => {
    const seat = await walk.seat('anna')
    const { page } = seat
    await seat.open('/approvals')
    await page.getByText('0 of 2 signed').first().waitFor()
    await page.getByLabel('Comment, for the log').fill('read with the shift of the harbour')
    await page.getByRole('button', { name: 'Approve' }).click()
    const sign = page.getByRole('button', { name: 'Sign with your passkey' })
    await sign.waitFor()
    await look(t, seat, 'approvals')
    // Somebody else's finger.
    await fingers.get('anna')?.recognise(false)
    await sign.click()
    await page.getByText('Nothing was signed.').waitFor()
    await fingers.get('anna')?.recognise(true)
    await sign.click()
    await page.getByText('Your signature of spring counts: 1 of 2.').first().waitFor()
    await page.getByText('1 of 2 signed').first().waitFor()
    await page.getByText('read with the shift of the harbour').first().waitFor()
  },
)

walk.step('Ben signs as well, and is told that passkeys never approve alone', async t => {
  const seat = await walk.seat('ben')
  const { page } = seat
  await seat.open('/approvals')
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('button', { name: 'Sign with your passkey' }).click()
  await page.getByText('2 have signed, which is worth 1 of 2.').first().waitFor()
  await page.getByText('1 of 2 signed: passkeys never approve alone').first().waitFor()
  await look(t, seat, 'approvals-signed', false)
})

walk.step(
  'who has a key in a file reads the plan in a third browser, and types the command that stands there',
  async t => {
    const { plant } = walk
    const carl = await plant.keyHolder()
    const seat = await walk.seat('carl', { permissions: ['clipboard-read', 'clipboard-write'] })
    const { page } = seat
    await seat.open('/approvals')
    await signInBy(seat, carl)
    await page.getByLabel('Comment, for the log').fill("the site's night crew knows")
    await page.getByRole('button', { name: 'Approve' }).click()
    await look(t, seat, 'approvals-command', false)
    await page.getByRole('button', { name: 'Copy the command' }).click()
    await page.getByRole('button', { name: 'Copied the command' }).waitFor()
    await plant.type((await page.evaluate('navigator.clipboard.readText()')) as string, carl.id)
    await page
      .getByText(/does not wait any more|No plan waits/)
      .first()
      .waitFor()
    await (await walk.seat('paula')).page.getByText(/does not wait any more/).waitFor()
  },
)

walk.step('Paula starts it; a canary fails, and the campaign halts by itself and says why', async t => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await seat.open('/campaigns/spring')
  await page.getByRole('button', { name: 'Start' }).click()
  await page
    .getByText(/^halted:/i)
    .first()
    .waitFor()
  await page.getByText('bms-2').first().waitFor()
  await look(t, seat, 'campaign')
  await seat.open('/campaigns')
  await page.getByRole('link', { name: 'Spring update of the racks' }).waitFor()
  await look(t, seat, 'campaigns')
  await seat.open('/')
  await page.getByText(/bms-2/).first().waitFor()
  await look(t, seat, 'fleet')
})

walk.step('Rita, who publishes, has a patch made for the way back, from what the canary runs now', async t => {
  const seat = await walk.seat('rita')
  const { page } = seat
  await seat.open('/releases')
  await signInBy(seat, rita)
  await page.getByRole('link', { name: 'Releases', exact: true }).waitFor()
  await page.getByRole('link', { name: 'bms 2.0.1', exact: true }).first().click()
  const patches = page.getByRole('region', { name: 'Patches to bms 2.0.1' })
  const row = patches.getByRole('row', { name: /^bms 2\.0\.0 1 / })
  await row.getByText('not asked for yet: it is made when it is ordered').waitFor()
  await look(t, seat, 'releases')
  await row.getByRole('button', { name: 'Make it now' }).click()
  await page.getByText('The patch from bms 2.0.0 to bms 2.0.1 is asked for.').waitFor()
  await row.getByText(/made in [0-9.]+ s$/).waitFor()
  await look(t, seat, 'releases-made', false)
})

walk.step('Mira, at the maker, who may see no controllers, is told that they are not counted for her', async t => {
  const seat = await walk.seat('mira')
  const { page } = seat
  await seat.open('/releases?release=bms%2F2.0.1%2Fenvelope.suit')
  await signInBy(seat, mira)
  await page.getByText('yours are without it').waitFor()
  const patches = page.getByRole('region', { name: 'Patches to bms 2.0.1' })
  await patches.getByRole('row', { name: /^bms 2\.0\.0 not shown / }).waitFor()
  await look(t, seat, 'releases-uncounted', false)
})

walk.step('Paula rolls it back: what had confirmed goes to the release that undoes it', async () => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await seat.open('/campaigns/spring')
  await page.getByRole('button', { name: 'Roll back' }).click()
  const dialog = page.getByRole('dialog', { name: /Roll back/ })
  await dialog.getByLabel('Reason, for the log').fill('bms-2 does not come up with 2.0.0')
  await dialog.getByRole('button', { name: 'Roll back' }).click()
  await dialog.waitFor({ state: 'hidden' })
  await walk.plant.world.until('bms-1 runs 2.0.1', async () => {
    const all = (await walk.plant.world.must('controller', 'list')) as { id: string; version: string }[]
    return all.some(({ id, version }) => id === 'bms-1' && version === '2.0.1')
  })
})

walk.step('the site says how it stands, and the history of the rack that failed says why', async t => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await seat.open('/sites/harbour')
  await page.getByRole('heading', { level: 1, name: 'Harbour battery park' }).waitFor()
  await page.getByText('2.0.1').first().waitFor()
  await look(t, seat, 'site')
  await page.getByRole('link', { name: 'bms-2', exact: true }).first().click()
  await page.getByRole('heading', { level: 1, name: /bms-2/ }).waitFor()
  await page
    .getByText(/ems-link/)
    .first()
    .waitFor()
  await look(t, seat, 'controller')
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

walk.step(
  'she has an evidence pack made, and it holds for somebody who has nothing but the key of the log',
  async t => {
    const seat = await walk.seat('paula')
    const { page } = seat
    await seat.open('/audit')
    await page.getByRole('button', { name: 'Make a pack' }).click()
    const fetched = page.getByRole('link', { name: 'Download', exact: true })
    await fetched.waitFor({ timeout: 90_000 })
    await look(t, seat, 'audit-packs', false)
    const taken = page.waitForEvent('download')
    await fetched.click()
    const file = walk.plant.world.at('taken.zip')
    await (await taken).saveAs(file)
    await walk.plant.world.must('evidence', 'verify', file)
  },
)

walk.step('what is due by when, site by site, and what the log shows of a standard, clause by clause', async t => {
  const seat = await walk.seat('paula')
  const { page } = seat
  await seat.open('/compliance')
  await page.getByRole('link', { name: 'Spring update of the racks' }).waitFor()
  await page.getByText('rolled back', { exact: true }).waitFor()
  await page.getByText('By site, as its controllers attested').click()
  await page.getByRole('link', { name: 'harbour', exact: true }).waitFor()
  await page.getByText('ISO 24089', { exact: true }).click()
  await page.getByRole('link', { name: 'campaign-halted' }).first().waitFor()
  await look(t, seat, 'compliance')
})
