import { type HttpsServer, requirePeer, sendRefusal } from '../../../adapters/http-server.ts'
import { planBytes } from '../../../core/campaign/plan.ts'
import { fromUtf8 } from '../../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../../core/refusal/refusal.ts'
import { approve, draftOf } from '../../../flows/approve.ts'
import { command, createCampaign, openCampaign, wantedOf } from '../../../flows/campaign.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import { encrypted, takeWraps, unwrapped, type Wanted } from '../../../flows/wrap.ts'
import { Approve, BringWraps, Command, CreateCampaign } from '../../../wire/fleet-api.ts'
import type { CampaignDraft, WrapsView } from '../../../wire/fleet-views.ts'
import * as views from '../views.ts'
import { answer, audited, decoded, type FleetDoor } from './answer.ts'

/** Campaigns: planned, approved, wrapped for, commanded and watched. */
export function campaignRoutes(server: HttpsServer, { world }: FleetDoor): void {
  type Id = { Params: { id: string } }

  server.get('/v1/campaigns', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.campaigns(world))
  })

  server.get<Id>('/v1/campaigns/:id', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await views.campaign(world, request.params.id))
  })

  server.post<{ Body: CreateCampaign }>(
    '/v1/campaigns',
    { schema: { body: CreateCampaign } },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const result = await plan(world, person.id, request.body)
      return audited(reply, world, person.id, 'campaign create', result)
    },
  )

  server.get<Id>('/v1/campaigns/:id/draft', async (request, reply) => {
    requirePeer(request, 'person')
    return answer(reply, await draftOf(world, request.params.id))
  })

  server.get<Id>('/v1/campaigns/:id/plan', async (request, reply) => {
    requirePeer(request, 'person')
    const row = await world.store.campaign(request.params.id)
    if (row === null)
      return sendRefusal(reply, refuse('not-found', `campaign ${request.params.id}`, 'a campaign', 'none'))
    return reply.type('application/json').send(Buffer.from(row.plan))
  })

  server.post<Id & { Body: Approve }>(
    '/v1/campaigns/:id/approvals',
    { schema: { body: Approve } },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const result = await approve(world, person.id, request.params.id, request.body)
      return audited(reply, world, person.id, 'campaign approve', result)
    },
  )

  server.get<Id & { Querystring: { again?: string } }>('/v1/campaigns/:id/wraps', async (request, reply) => {
    requirePeer(request, 'person')
    // A wrap that stands may be one of nothing, and the server cannot tell: all of them, for who wraps again.
    const asked = request.query.again === 'true' ? encrypted : unwrapped
    const opened = await openCampaign(world, request.params.id)
    const missing = isRefusal(opened) ? opened : await asked(world, wantedOf(opened.plan))
    return answer(reply, isRefusal(missing) ? missing : missing.map(wrapView))
  })

  server.post<Id & { Body: BringWraps }>(
    '/v1/campaigns/:id/wraps',
    { schema: { body: BringWraps } },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const { id } = request.params
      const wraps = request.body.wraps.map(one => ({
        ...one,
        wrap: decoded(one.wrap, `${one.site}/${one.controller}`),
      }))
      const result = await world.store.exclusive(async () => {
        const opened = await openCampaign(world, id)
        return isRefusal(opened) ? opened : takeWraps(world, person.id, id, wantedOf(opened.plan), wraps)
      })
      return audited(reply, world, person.id, 'campaign wrap', result)
    },
  )

  server.post<Id & { Body: Command }>(
    '/v1/campaigns/:id/commands',
    { schema: { body: Command } },
    async (request, reply) => {
      const person = requirePeer(request, 'person')
      const { command: verb, reason } = request.body
      const { id } = request.params
      const refusal = await command(world, person.id, id, verb, reason ?? null)
      return audited(reply, world, person.id, `campaign ${verb}`, refusal ?? (await views.campaign(world, id)))
    },
  )
}

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
  return { id: body.id, kept: !dryRun, plan: fromUtf8(planBytes(drafted.plan)) ?? '', passedOver }
}
