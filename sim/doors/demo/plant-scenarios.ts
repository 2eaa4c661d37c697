import type { ChangeReport } from '../../../src/core/ledger/change-report.ts'
import { FREE, type Totals } from '../../plant/bill.ts'
import type { StampedEvent } from '../site/events.ts'
import { type DemoImage, FACTORY, UPDATE } from './firmware.ts'
import type { Scenario, Seen } from './seen.ts'
import { DATACENTER_UPS, WIND_STORAGE } from './setting.ts'
import type { Stage } from './stage.ts'
import type { PlantBill } from './surroundings.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** The rack whose new image does not pass its health check. */
const SICK = 'bms-2b'
const CHANGE_REQUEST = 'CHG-20417'
/** How long the link is away in the middle of the campaign, in real milliseconds. */
const LINK_AWAY = 6_000

/** A wind farm with storage at the end of a weak link, in the evening. */
export const windStorage: Scenario = {
  setting: WIND_STORAGE,
  title: `A wind farm with storage behind a weak link: two racks and their PCS at a time; ${SICK} does not stand its new image`,
  ending: `nobody restarted before the evening's commitment was over, the grid paid nothing, ${SICK} went back, all others confirmed ${UPDATE}`,
  exit: 0,
  faults: images => ({
    unhealthy: { [updateOf(images, 'bms').sha256]: { is: 'unhealthy', probe: 'cell-voltages', only: [SICK] } },
  }),
  meanwhile: cutTheLink(),
  check: checkWindStorage,
}

/** A data centre with two UPS and storage, in the night. */
export const datacenterUps: Scenario = {
  setting: DATACENTER_UPS,
  title: `A data centre with 2N UPS and storage, in its night window, under change request ${CHANGE_REQUEST}`,
  ending: `every controller confirmed ${UPDATE} inside the window, the critical load was protected all the time, and the change report tells of each of them`,
  faults: () => null,
  check: checkDatacenterUps,
}

function checkWindStorage(seen: Seen): string | null {
  const { view, events, bill, audit } = seen
  if (view.state !== 'done') return `the campaign is ${view.state}`
  const open = view.controllers.find(one => one.controller !== SICK && one.state !== 'confirmed')
  if (open !== undefined) return `${open.controller} is ${open.state}`
  if (!events.some(event => event.event === 'reverted' && event.controller === SICK)) return `${SICK} did not go back`
  const running = seen.versions.get(SICK)
  if (running !== FACTORY) return `${SICK} runs ${running}`
  if (bill === null) return 'there is no bill of the plant'
  const paid = paidFor(bill)
  if (paid !== null) return paid
  const early = bill.absences.find(one => one.from < seen.began + 20 * MINUTE)
  if (early !== undefined) return `${early.unit} restarted while the evening's commitment ran`
  if (isFree(bill.early)) return 'restarting everything at once would have cost nothing: the plant judges nothing'
  const crowd = mostAway(bill, () => true)
  if (crowd > 3) return `${crowd} controllers were away at once`
  const converters = mostAway(bill, id => id.startsWith('pcs'))
  if (converters > 1) return `${converters} converters were away at once`
  if (!audit.includes('"kind":"activation-withheld"')) return 'the log does not tell why anybody waited'
  return seen.offline.some(({ event }) => event === 'confirmed') ? null : 'nothing went on while the link was down'
}

function checkDatacenterUps(seen: Seen): string | null {
  const { view, bill, changes } = seen
  const open = view.controllers.find(one => one.state !== 'confirmed')
  if (open !== undefined) return `${open.controller} is ${open.state}`
  if (bill === null) return 'there is no bill of the plant'
  const paid = paidFor(bill)
  if (paid !== null) return paid
  const [opens, closes] = [seen.began + 10 * MINUTE, seen.began + 10 * MINUTE + 4 * HOUR]
  const outside = bill.absences.find(one => one.from < opens || one.to > closes)
  if (outside !== undefined) return `${outside.unit} was away outside the window`
  const both = mostAway(bill, id => id.startsWith('ups'))
  if (both > 1) return `${both} UPS were away at once`
  if (bill.naive.secondsUnprotected === 0) return 'restarting everything at once would have cost nothing'
  if (changes === null) return 'there is no change report'
  return checkReport(seen, changes)
}

/** The report of changes tells of every controller, on whose word, and agrees with what they attest now. */
function checkReport(seen: Seen, told: ChangeReport): string | null {
  const { changeRequest, created, approvals, approved, started, changes } = told
  if (changeRequest !== CHANGE_REQUEST) return `the report names the change request ${changeRequest}`
  if (approvals.length === 0 || approved === null || started === null) return 'the report does not say who allowed it'
  if (approvals.some(({ by }) => by === created.by)) return `${created.by} approved a plan of their own`
  if (changes.length !== seen.view.controllers.length) return `the report tells of ${changes.length} controllers`
  for (const one of changes) {
    const { controller, from, now, granted, ended, report } = one
    const whole = from === FACTORY && now === UPDATE && granted !== null && ended !== null && report !== null
    if (!whole || one.outcome !== 'confirmed')
      return `the report says of ${controller}: ${from}, ${now}, ${one.outcome}`
    if (seen.versions.get(controller) !== now) return `${controller} runs ${seen.versions.get(controller)}`
    if (!seen.records.includes(controller)) return `there is no record of ${controller}`
  }
  return null
}

/** Who paid for the updates; null: nobody. */
function paidFor({ update }: PlantBill): string | null {
  const [name, value] = Object.entries(update).find(([, count]) => count > 0) ?? []
  return name === undefined ? null : `the updates cost the plant: ${name} ${value}`
}

const isFree = (totals: Totals): boolean =>
  Object.entries(FREE).every(([name, value]) => totals[name as keyof Totals] === value)

/** How many of some controllers were away at once, at most. */
function mostAway({ absences }: PlantBill, of: (id: string) => boolean): number {
  const some = absences.filter(({ unit }) => of(unit))
  return Math.max(0, ...some.map(({ from }) => some.filter(other => other.from <= from && other.to > from).length))
}

function updateOf(images: readonly DemoImage[], className: string): DemoImage {
  const image = images.find(one => one.class === className && one.version !== FACTORY)
  if (image === undefined) throw new Error(`no update for ${className}`)
  return image
}

/** When the second batch begins to restart, the link goes for a while: the site goes on by what it holds. */
function cutTheLink(): NonNullable<Scenario['meanwhile']> {
  const began = new Set<string>()
  let done = false
  return (event: StampedEvent, stage: Stage) => {
    if (done || event.event !== 'activating') return null
    began.add(event.controller)
    if (began.size < 3) return null
    done = true
    stage.around.link('down')
    setTimeout(() => stage.around.link('up'), LINK_AWAY)
    return null
  }
}
