import { randomBytes } from 'node:crypto'
import type { HttpsServer } from '../../../adapters/http-server.ts'
import { isEntryKind } from '../../../core/ledger/entry-kinds.ts'
import { secretText } from '../../../core/ledger/webhook.ts'
import type { LetterRow, WebhookRow } from '../../../core/ledger/webhook-rows.ts'
import { RefusalError, refuse } from '../../../core/refusal/refusal.ts'
import { sendAgain, subscribe, unsubscribe } from '../../../flows/deliver.ts'
import * as routes from '../../../wire/routes/webhooks.ts'
import type { LetterView, WebhookView } from '../../../wire/webhook-api.ts'
import { behindIn, byText, pageOf, shown } from './page.ts'
import type { FleetDoor } from './parts.ts'
import { changes, shows } from './serve-route.ts'

/** Who outside is told of what happens. */
export function webhookRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world, webhooks, hooks } = door

  shows(server, routes.listWebhooks, async ({ query }) => {
    const { size } = await world.store.log()
    const rows = await webhooks.webhooks()
    const page = await pageOf(query, {
      name: 'webhooks',
      sorts: ['string'],
      keyOf: ({ id }: WebhookRow) => [id] as const,
      behind: behindIn(rows, ({ id }, [after]: readonly [string]) => byText(id, after) > 0),
    })
    return shown(page, row => viewOf(row, size))
  })

  changes(server, door, routes.createWebhook, ({ peer, body: { id, url, events = [], site = null } }) => {
    const unknown = events.find(kind => !isEntryKind(kind))
    if (unknown !== undefined) {
      throw new RefusalError(refuse('request-malformed', 'events', 'kinds of entries of the audit log', unknown))
    }
    const secret = new Uint8Array(randomBytes(32))
    return {
      attempt: 'webhook create',
      run: () => subscribe(world, { webhooks, link: hooks }, peer, { id, url, events, site, secret }),
      say: () => ({ id, secret: secretText(secret) }),
    }
  })

  changes(server, door, routes.removeWebhook, ({ peer, params }) => {
    return { attempt: 'webhook remove', run: () => unsubscribe(world, webhooks, peer, params.id ?? '') }
  })

  shows(server, routes.listLetters, async ({ params, query }) => {
    const id = params.id ?? ''
    if ((await webhooks.webhook(id)) === null) return refuse('not-found', `webhook ${id}`, 'a webhook', 'none')
    const page = await pageOf(query, {
      name: `letters ${id}`,
      sorts: ['number'],
      keyOf: ({ index }: LetterRow) => [index] as const,
      behind: (after, count) => webhooks.letters(id, after === null ? null : after[0], count),
    })
    return shown(page, ({ index, at, fault, again }): LetterView => ({ index, at, fault, again }))
  })

  changes(server, door, routes.sendAgain, ({ peer, params }) => {
    const index = /^[0-9]{1,15}$/.test(params.index ?? '') ? Number(params.index) : -1
    return { attempt: 'webhook send again', run: () => sendAgain(world, webhooks, peer, params.id ?? '', index) }
  })
}

/** Without the secret. */
const viewOf = ({ secret: _, ...row }: WebhookRow, size: number): WebhookView => ({
  ...row,
  behind: Math.max(0, size - row.next),
})
