import type { HttpsServer } from '../../../adapters/http-server.ts'
import { planBytes } from '../../../core/campaign/plan.ts'
import { parsePlanFile } from '../../../core/campaign/plan-file.ts'
import { outlineOf, previewOf, previewSites } from '../../../core/campaign/preview.ts'
import { fromUtf8, toHex, utf8 } from '../../../core/encoding/bytes.ts'
import { refKey } from '../../../core/fleet/inventory.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../../core/refusal/refusal.ts'
import type { Who } from '../../../flows/admit.ts'
import { approve, draftOf } from '../../../flows/approve.ts'
import { decideCommand, followUp, wantedOf } from '../../../flows/campaign.ts'
import { openCampaign } from '../../../flows/opened.ts'
import { askedOfPasskeys } from '../../../flows/passkey-approval.ts'
import { createCampaign } from '../../../flows/plan.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import { reject } from '../../../flows/vouch.ts'
import { encrypted, takeWraps, unwrapped, type Wanted } from '../../../flows/wrap.ts'
import type { CreateCampaign } from '../../../wire/fleet-api.ts'
import type { WrapsView } from '../../../wire/fleet-views.ts'
import type { CampaignDraft } from '../../../wire/plan-views.ts'
import * as routes from '../../../wire/routes/campaigns.ts'
import { locate, locatedText } from '../../process/located-file.ts'
import { waitingPlans } from '../approval-views.ts'
import { campaignDetail } from '../campaign-detail.ts'
import * as views from '../campaign-views.ts'
import { SitesKept } from '../dry-runs.ts'
import { mayAt, type Seen, siteFilter } from '../places.ts'
import { behindIn, byText, pageOf } from './page.ts'
import { decoded, type FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** Sheets, and controllers that were passed over, that the answer to a plan holds at most. */
const SHEETS = 200
const PASSED_OVER = 1000

/** Campaigns: planned, approved, wrapped for, commanded and watched. */
export function campaignRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world } = door

  const seenBy = (who: Who): Seen => siteFilter(world, who, 'read-campaigns')

  shows(server, routes.listCampaigns, ({ peer, query }) => views.campaigns(world, query, seenBy(peer)))

  shows(server, routes.readCampaign, ({ peer, params }) => campaignDetail(world, params.id ?? '', peer))

  shows(server, routes.listWaiting, ({ peer, query }) => waitingPlans(world, peer, query, seenBy(peer)))

  shows(server, routes.listTurns, ({ peer, params, query }) => views.turns(world, params.id ?? '', query, seenBy(peer)))

  changes(server, door, routes.createCampaign, ({ peer, body }) => {
    return { attempt: 'campaign create', run: () => plan(door, peer, body) }
  })

  shows(server, routes.readDraft, async ({ peer, params }) => {
    const draft = await draftOf(world, params.id ?? '')
    if (isRefusal(draft)) return draft
    const passkeys = await askedOfPasskeys(world, peer, draft.signed)
    return isRefusal(passkeys) ? passkeys : { ...draft, passkeys }
  })

  shows(server, routes.readPlan, async ({ params, reply }) => {
    const row = await world.store.campaign(params.id ?? '')
    if (row === null) return refuse('not-found', `campaign ${params.id}`, 'a campaign', 'none')
    return reply.type('application/json').send(Buffer.from(row.plan))
  })

  shows(server, routes.listSheets, ({ peer, params, query }) =>
    views.sheets(world, params.id ?? '', query, seenBy(peer)),
  )

  changes(server, door, routes.approveCampaign, ({ peer, params, body }) => {
    return { attempt: 'campaign approve', run: () => approve(world, peer, params.id ?? '', body) }
  })

  shows(server, routes.listWraps, async ({ params, query: { again, ...wanted } }) => {
    const id = params.id ?? ''
    // A wrap that stands may be one of nothing, and the server cannot tell: all of them, for who wraps again.
    const asked = again === 'true' ? encrypted : unwrapped
    const opened = await openCampaign(world, id)
    const wants = isRefusal(opened) ? opened : await wantedOf(world, opened)
    const missing = isRefusal(wants) ? wants : await asked(world, wants)
    if (isRefusal(missing)) return missing
    const ordered = missing.map(wrapView).sort((a, b) => byText(wrapKey(a), wrapKey(b)))
    return pageOf(wanted, {
      name: `wraps ${id} ${again === 'true'}`,
      sorts: ['string'],
      keyOf: (one: WrapView) => [wrapKey(one)] as const,
      behind: behindIn(ordered, (one, [after]: readonly [string]) => byText(wrapKey(one), after) > 0),
    })
  })

  changes(server, door, routes.rejectCampaign, ({ peer, params, body }) => {
    const id = params.id ?? ''
    return {
      attempt: 'campaign reject',
      run: async () => (await reject(world, peer, id, body.reason)) ?? { campaign: id, rejected: true },
    }
  })

  changes(server, door, routes.bringWraps, ({ peer, params, body }) => {
    const id = params.id ?? ''
    const wraps = body.wraps.map(one => ({ ...one, wrap: decoded(one.wrap, `${one.site}/${one.controller}`) }))
    const take = async () => {
      const opened = await openCampaign(world, id)
      const wants = isRefusal(opened) ? opened : await wantedOf(world, opened)
      return isRefusal(wants) ? wants : takeWraps(world, peer, id, wants, wraps)
    }
    return { attempt: 'campaign wrap', run: () => world.store.exclusive(take) }
  })

  changes(server, door, routes.commandCampaign, ({ peer, params, body: { command: verb, reason, partly } }) => {
    const id = params.id ?? ''
    let more: ReadonlySet<string> = new Set()
    const run = async () => {
      const decided = await decideCommand(world, peer, id, verb, reason ?? null, partly)
      if (!isRefusal(decided)) more = decided
      return decided
    }
    // What could not go on is gone on with by the next tick: the command itself was taken.
    const follow = () => followUp(world, more)
    return { attempt: `campaign ${verb}`, run, follow, say: () => ({ campaign: id, command: verb }) }
  })
}

type WrapView = WrapsView[number]
const wrapKey = ({ site, controller, path, envelope }: WrapView): string => `${site}/${controller} ${path} ${envelope}`

const wrapView = ({ site, controller, envelope }: Wanted): WrapsView[number] => {
  return { site, controller, path: envelope.path, envelope: envelope.sha256 }
}

/** What a plan file is called that came as a text: its faults are named by line and column of it. */
const NAMED = 'the plan'

async function plan(door: FleetDoor, who: Who, body: CreateCampaign): Promise<CampaignDraft | Refusal> {
  const file = fileOf(body)
  if (isRefusal(file)) return file
  const drawn = (await furtherPage(door, who, body)) ?? (await drawnUp(door, who, file.value, body))
  return isRefusal(drawn) ? file.locate(drawn) : drawn
}

type PlanFile = { readonly value: unknown; readonly locate: (refusal: Refusal) => Refusal }

/** The plan file of a request: as it was read, or read here. Refuses `request-malformed`, `plan-file-malformed`. */
function fileOf({ plan, text }: CreateCampaign): PlanFile | Refusal {
  if ((plan === undefined) === (text === undefined)) {
    return refuse(
      'request-malformed',
      'POST /v1/campaigns',
      'a plan, or its text',
      text === undefined ? 'none' : 'both',
    )
  }
  if (text === undefined) return { value: plan, locate: refusal => refusal }
  const file = locatedText(text, NAMED)
  // What is no YAML is a fault of the plan file, and no fault of a configuration.
  if (isRefusal(file)) return { ...file, code: 'plan-file-malformed' }
  return { value: file.value, locate: refusal => locate(refusal, NAMED, file) }
}

/** What a dry run is of, so that a page of one is never taken for that of another text. */
const requestOf = ({ crypto }: FleetWorld, { plan, text }: CreateCampaign): string =>
  toHex(crypto.sha256(utf8(JSON.stringify([plan ?? null, text ?? null]))))

/**
 * A further page of a dry run that is at hand, as long as who asks may still plan for its sites; it says how much has happened since. Null:
 * none is asked for, or it is forgotten, and a new one is worked out, which has another name.
 */
async function furtherPage(
  { world, dryRuns }: FleetDoor,
  who: Who,
  body: CreateCampaign,
): Promise<CampaignDraft | Refusal | null> {
  const { of, behind, dryRun } = body
  if (of === undefined || !dryRun) return null
  const run = dryRuns.find({ who: who.id, of, asked: requestOf(world, body) }, world.clock.now())
  if (run === null) return null
  const beyond = await mayAt(world, who, 'plan', run.touched)
  if (beyond !== null) return beyond
  const entriesSince = (await world.store.log()).size - run.size
  const preview = { ...run.answer.preview, ...run.sites.page(SHEETS, behind) }
  return { ...run.answer, preview, dryRun: { of, at: run.at, entriesSince } }
}

async function drawnUp(
  { world, dryRuns }: FleetDoor,
  who: Who,
  value: unknown,
  body: CreateCampaign,
): Promise<CampaignDraft | Refusal> {
  const asked = parsePlanFile(value, NAMED)
  if (isRefusal(asked)) return asked
  const { dryRun, behind } = body
  let touched: readonly string[] = []
  const permit = (sites: readonly string[]): Promise<null | Refusal> => {
    touched = sites
    return mayAt(world, who, 'plan', sites)
  }
  // Before it is worked out: whatever comes in between counts as later.
  const { size } = await world.store.log()
  const draft = await createCampaign(world, who, asked, dryRun, permit)
  if (isRefusal(draft)) return draft
  const sheets = draft.sheets.slice(0, SHEETS).map(({ sheet }) => sheet)
  const bytes = planBytes(draft.plan)
  const plan = fromUtf8(bytes) ?? ''
  const passedOver = draft.passedOver.slice(0, PASSED_OVER).map(({ site, controller, why }) => ({
    controller: refKey({ site, controller }),
    code: why.code,
    why: sentence(why),
  }))
  const sites = new SitesKept(dryRun ? previewSites(draft, Number.POSITIVE_INFINITY).sites : [])
  const preview = dryRun ? { ...outlineOf(draft), ...sites.page(SHEETS, behind) } : previewOf(draft, SHEETS, behind)
  const at = draft.plan.createdAt
  const of = toHex(world.crypto.sha256(bytes))
  const run = dryRun ? { of, at, entriesSince: 0 } : null
  const left = draft.passedOver.length
  const answer = { id: asked.id, kept: !dryRun, dryRun: run, plan, sheets, passedOver, left, preview }
  if (dryRun) {
    dryRuns.keep({ who: who.id, of, asked: requestOf(world, body), at, size, touched, answer, sites }, at)
  }
  return answer
}
