import assert from 'node:assert/strict'
import type { Somebody } from './plant.ts'
import { SEED, signInBy, Walk } from './walk.ts'

/**
 * What people and devices say is shown as what it is: text. Each text here would do something, were it taken for markup, for an
 * attribute or for an address; whatever it did, the browser would tell (chromium.ts).
 */

const SCRIPT = `<script>alert('${SEED}')</script>`
const ATTRIBUTE = '" onmouseover="alert(1)" autofocus onfocus="alert(2)" x="'
const IMAGE = '<img src=x onerror=alert(3)>'
const SVG = '<svg onload=alert(4)><a href="javascript:alert(5)">go</a></svg>'
const ADDRESS = 'javascript:alert(6)'

let paula: Somebody
const walk = Walk.of(
  async ({ plant }) => {
    paula = await plant.somebody('paula', `Paula ${IMAGE}`, 'planner@fleet', 'operator@fleet', 'administrator@fleet')
  },
  { site: { name: `Harbour ${SCRIPT}` } },
)

walk.step(
  'attack: markup in the titles, change requests and reasons of campaigns, in names and in labels',
  async () => {
    const { world } = walk.plant
    const folder = await walk.plant.release('bms', '2.0.0')
    const releases = await world.publish(folder)
    const wanted = releases.flatMap(path => ['--release', path])
    const about = ['--title', `Update ${SVG}`, '--change-request', ADDRESS, '--soak', '1min']
    await world.must('campaign', 'create', '--id', 'halted', ...about, ...wanted)
    for (const n of [0, 1]) await world.approve('halted', n)
    await world.must('campaign', 'start', 'halted')
    await world.must('campaign', 'pause', 'halted', '--reason', `paused ${ATTRIBUTE}`)
    await world.must('campaign', 'halt', 'halted', '--reason', `halted ${IMAGE}`)
    await world.must('campaign', 'create', '--id', 'rejected', '--title', `Again ${SCRIPT}`, ...wanted)
    const approver = ['--profile', world.profileOf('approver-0')]
    await world.must('campaign', 'reject', 'rejected', '--reason', `rejected ${SVG}`, ...approver)
    await world.must('campaign', 'create', '--id', 'waiting', '--title', `Once more ${ATTRIBUTE}`, ...wanted)
    await world.must('account', 'add', 'mallory', '--name', `Mallory ${SVG}`)
    await world.must('account', 'disable', 'mallory', '--reason', `gone ${SCRIPT}`)
    const seat = await walk.seat('paula')
    await seat.open('/')
    await signInBy(seat, paula)
    await seat.page.getByText(`Paula ${IMAGE}`).first().waitFor()
  },
)

/** Where each text must be read as it was written. */
const SHOWN: readonly (readonly [path: string, text: string])[] = [
  ['/', `Paula ${IMAGE}`],
  ['/sites/harbour', `Harbour ${SCRIPT}`],
  ['/controllers/harbour/bms-1', `Harbour ${SCRIPT}`],
  ['/campaigns', `Update ${SVG}`],
  ['/campaigns/halted', `halted ${IMAGE}`],
  ['/campaigns/halted', ADDRESS],
  ['/approvals?plan=waiting', `Once more ${ATTRIBUTE}`],
  ['/audit?kind=account-changed', `gone ${SCRIPT}`],
  ['/audit?kind=campaign-halted', `halted ${IMAGE}`],
]

for (const [path, text] of SHOWN) {
  walk.aside(`attack: markup that is stored, on ${path}`, async () => {
    const seat = await walk.seat('paula')
    await seat.open(path)
    await seat.page.getByText(text).first().waitFor()
    const made = await seat.page.evaluate(
      `document.querySelectorAll('main img[src="x"], main script, main [onload], main [onfocus], main [onmouseover], main [onerror], [href^="javascript:"]').length`,
    )
    assert.equal(made, 0)
  })
}
