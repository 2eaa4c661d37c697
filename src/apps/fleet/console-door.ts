import { join } from 'node:path'
import type { Logger } from 'pino'
import { type LoopbackDoor, type Show, type Shown, serveLoopback } from '../../adapters/http-loopback.ts'
import { type PageFile, readPageFiles } from '../../adapters/page-files.ts'
import { type Action, FLEET, mayDo } from '../../core/fleet/roles.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { admit } from '../../flows/admit.ts'
import { type LogFiles, storedLog } from '../../flows/log-files.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type { WatchedCheckpoint } from '../../wire/fleet-views.ts'
import type { Page, Wanted } from './api/page.ts'
import { breakAlarms } from './breaks.ts'
import * as ofCampaigns from './campaign-views.ts'
import { checkpoint } from './log-views.ts'
import { CONSOLE } from './people.ts'
import * as views from './views.ts'

/** Where `npm run build:console` puts the console. */
export const CONSOLE_FILES = join(import.meta.dirname, '../../../console/dist')

/** How long an answer is shared, in milliseconds: many open pages ask the store no more often than one. */
const SHARED_MILLIS = 400

type View = () => Promise<object | Refusal>

/** What a person has to see to of the log's witnesses. */
type Alarms = () => Promise<readonly Refusal[]>

/** What the console shows at an address: what its account must be allowed to see of the whole fleet, and the view. */
type Shows = { readonly action: Action; readonly view: View }

/** What one must be allowed to do for what is not shared. */
const LOG: Action = 'read-audit'
const PLANS: Action = 'read-campaigns'

/**
 * The console's door: its files, and the views of the fleet, to browsers on this machine. It is given the views and
 * nothing that writes, and it shows what the account `console` may see. Refuses as `serveLoopback`.
 */
export function openConsole(
  listen: { readonly host: string; readonly port: number },
  world: FleetWorld,
  log: Logger,
  alarms: Alarms = async () => [],
  folder = CONSOLE_FILES,
): Promise<LoopbackDoor | Refusal> {
  const files = readPageFiles(folder)
  if (files === null) log.warn({ folder }, 'the console was not built: npm run build:console')
  return serveLoopback(listen, consoleShows(world, files, alarms), log)
}

/** What the console's door shows. Every other path is `not-found`. */
export function consoleShows(
  world: FleetWorld,
  files: ReadonlyMap<string, PageFile> | null,
  alarms: Alarms = async () => [],
): Show {
  const shared: ReadonlyMap<string, Shows> = new Map(
    Object.entries({
      '/v1/controllers': shows('read-inventory', () => whole(wanted => views.controllers(world, wanted))),
      '/v1/campaigns': shows('read-campaigns', () => campaigns(world)),
      '/v1/releases': shows('read-releases', () => whole(wanted => views.releases(world, wanted))),
      '/v1/audit/checkpoint': shows('read-audit', () => watched(world, alarms)),
    }),
  )
  const log = storedLog(world.store)
  return async path => {
    const known = shared.get(path)
    if (known !== undefined) return (await refused(world, known.action)) ?? json(await known.view())
    if (path.startsWith('/log/tile/')) return (await refused(world, LOG)) ?? tileOf(log, path.slice('/log/'.length))
    const plan = /^\/v1\/campaigns\/([a-z0-9._-]{1,64})\/plan$/.exec(path)?.[1]
    if (plan !== undefined) return (await refused(world, PLANS)) ?? planOf(world, plan)
    const file = files?.get(path)
    if (file !== undefined) return file
    if (files === null && path === '/') {
      return refuse('console-not-built', 'the console', 'console/dist/index.html', 'no such file')
    }
    return refuse('not-found', path.slice(0, 200), 'a view or a file of the console', 'none of that name')
  }
}

/** The checkpoint, with what its witnesses say of it, and where what sites tell does not go on. */
async function watched(world: FleetWorld, alarms: Alarms): Promise<WatchedCheckpoint | Refusal> {
  const signed = await checkpoint(world)
  if (isRefusal(signed)) return signed
  const all = [...(await alarms()), ...(await breakAlarms(world))]
  const told = all.map(({ code, subject, expected, actual }) => ({ code, subject, expected, actual }))
  return { ...signed, alarms: told }
}

async function campaigns(world: FleetWorld): Promise<object | Refusal> {
  const all = await whole(wanted => ofCampaigns.campaigns(world, wanted))
  return isRefusal(all) ? all : ofCampaigns.drawn(world, all)
}

const shows = (action: Action, view: View): Shows => ({ action, view: sharing(view) })

/** Why the console's account may not see this of the whole fleet. Judged at each request. */
async function refused(world: FleetWorld, action: Action): Promise<null | Refusal> {
  const who = await admit(world, { by: 'certificate', person: CONSOLE })
  return isRefusal(who) ? who : mayDo(who, action, FLEET)
}

async function planOf(world: FleetWorld, id: string): Promise<Shown | Refusal> {
  const row = await world.store.campaign(id)
  if (row === null) return refuse('not-found', `campaign ${id}`, 'a campaign', 'none of that name')
  return { type: JSON_TYPE, body: row.plan }
}

async function tileOf(log: LogFiles, path: string): Promise<Shown | Refusal> {
  const body = await log.file(path)
  if (body !== null) return { type: 'application/octet-stream', body }
  return refuse('not-found', path.slice(0, 80), 'a file of the log', 'none')
}

const JSON_TYPE = 'application/json; charset=utf-8'

const json = (result: object | Refusal): Shown | Refusal =>
  isRefusal(result) ? result : { type: JSON_TYPE, body: JSON.stringify(result) }

/** All pages of a list: the console draws a fleet whole. */
async function whole<T>(list: (wanted: Wanted) => Promise<Page<T> | Refusal>): Promise<readonly T[] | Refusal> {
  const items: T[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page<T> | Refusal = await list({ limit: '1000', ...(cursor === '' ? {} : { cursor }) })
    if (isRefusal(page)) return page
    items.push(...page.items)
    cursor = page.next
  }
  return items
}

/** A view whose answer, once asked for, serves everybody who asks within a moment. */
function sharing(view: View): View {
  let last: { readonly at: number; readonly result: Promise<object | Refusal> } | null = null
  return () => {
    const now = performance.now()
    if (last === null || now - last.at > SHARED_MILLIS) last = { at: now, result: view() }
    return last.result
  }
}
