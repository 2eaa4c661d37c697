import type { HttpsServer } from '../../../adapters/http-server.ts'
import { planBytes } from '../../../core/campaign/plan.ts'
import { fromUtf8 } from '../../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../../core/refusal/refusal.ts'
import { approve, draftOf } from '../../../flows/approve.ts'
import { command, openCampaign, wantedOf } from '../../../flows/campaign.ts'
import { createCampaign } from '../../../flows/plan.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import { encrypted, takeWraps, unwrapped, type Wanted } from '../../../flows/wrap.ts'
import type { CreateCampaign } from '../../../wire/fleet-api.ts'
import type { CampaignDraft, WrapsView } from '../../../wire/fleet-views.ts'
import * as routes from '../../../wire/routes/campaigns.ts'
import * as views from '../views.ts'
import { behindIn, byText, pageOf } from './page.ts'
import { decoded, type FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** Sheets that one answer holds. */
const SHEETS = 200

/** Campaigns: planned, approved, wrapped for, commanded and watched. */
export function campaignRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world } = door

  shows(server, routes.listCampaigns, ({ query }) => views.campaigns(world, query))

  shows(server, routes.readCampaign, ({ params }) => views.campaign(world, params.id ?? ''))

  changes(server, door, routes.createCampaign, ({ peer, body }) => {
    return { attempt: 'campaign create', run: () => plan(world, peer.id, body) }
  })

  shows(server, routes.readDraft, ({ params }) => draftOf(world, params.id ?? ''))

  shows(server, routes.readPlan, async ({ params, reply }) => {
    const row = await world.store.campaign(params.id ?? '')
    if (row === null) return refuse('not-found', `campaign ${params.id}`, 'a campaign', 'none')
    return reply.type('application/json').send(Buffer.from(row.plan))
  })

  shows(server, routes.listSheets, ({ params, query }) => views.sheets(world, params.id ?? '', query))

  changes(server, door, routes.approveCampaign, ({ peer, params, body }) => {
    return { attempt: 'campaign approve', run: () => approve(world, peer.id, params.id ?? '', body) }
  })

  shows(server, routes.listWraps, async ({ params, query: { again, ...wanted } }) => {
    const id = params.id ?? ''
    // A wrap that stands may be one of nothing, and the server cannot tell: all of them, for who wraps again.
    const asked = again === 'true' ? encrypted : unwrapped
    const opened = await openCampaign(world, id)
    const missing = isRefusal(opened) ? opened : await asked(world, wantedOf(opened.plan))
    if (isRefusal(missing)) return missing
    const ordered = missing.map(wrapView).sort((a, b) => byText(wrapKey(a), wrapKey(b)))
    return pageOf(wanted, {
      name: `wraps ${id} ${again === 'true'}`,
      sorts: ['string'],
      keyOf: (one: WrapView) => [wrapKey(one)] as const,
      behind: behindIn(ordered, (one, [after]: readonly [string]) => byText(wrapKey(one), after) > 0),
    })
  })

  changes(server, door, routes.bringWraps, ({ peer, params, body }) => {
    const id = params.id ?? ''
    const wraps = body.wraps.map(one => ({ ...one, wrap: decoded(one.wrap, `${one.site}/${one.controller}`) }))
    const take = async () => {
      const opened = await openCampaign(world, id)
      return isRefusal(opened) ? opened : takeWraps(world, peer.id, id, wantedOf(opened.plan), wraps)
    }
    return { attempt: 'campaign wrap', run: () => world.store.exclusive(take) }
  })

  changes(server, door, routes.commandCampaign, ({ peer, params, body: { command: verb, reason } }) => {
    const id = params.id ?? ''
    const run = () => command(world, peer.id, id, verb, reason ?? null)
    return { attempt: `campaign ${verb}`, run, say: () => ({ campaign: id, command: verb }) }
  })
}

type WrapView = WrapsView[number]
const wrapKey = ({ site, controller, path, envelope }: WrapView): string => `${site}/${controller} ${path} ${envelope}`

const wrapView = ({ site, controller, envelope }: Wanted): WrapsView[number] => {
  return { site, controller, path: envelope.path, envelope: envelope.sha256 }
}

async function plan(world: FleetWorld, person: string, body: CreateCampaign): Promise<CampaignDraft | Refusal> {
  const { sites, classes, controllers, dryRun, ...asked } = body
  const select = {
    ...(sites === undefined ? {} : { sites }),
    ...(classes === undefined ? {} : { classes }),
    ...(controllers === undefined ? {} : { controllers }),
  }
  const drafted = await createCampaign(world, person, { ...asked, select }, dryRun)
  if (isRefusal(drafted)) return drafted
  const passedOver = drafted.passedOver.map(({ controller, why }) => ({
    controller,
    code: why.code,
    why: sentence(why),
  }))
  const sheets = [...drafted.plan.sheetOf.values()].slice(0, SHEETS)
  return { id: body.id, kept: !dryRun, plan: fromUtf8(planBytes(drafted.plan)) ?? '', sheets, passedOver }
}
