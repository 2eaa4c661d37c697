import { type Static, Type } from 'typebox'
import { Name } from './fleet-api.ts'
import { List } from './fleet-views.ts'

/** Webhooks: what is asked and what is answered. */

const closed = { additionalProperties: false }

/** POST /v1/webhooks: who is told of which kinds of events (all, without a list), of one site or of all. */
export const CreateWebhook = Type.Object(
  {
    id: Name,
    url: Type.String({ minLength: 9, maxLength: 1024 }),
    events: Type.Optional(
      Type.Array(Type.String({ pattern: '^[a-z]+(?:-[a-z]+)*$', maxLength: 64 }), { maxItems: 64, uniqueItems: true }),
    ),
    site: Type.Optional(Name),
  },
  closed,
)
export type CreateWebhook = Static<typeof CreateWebhook>

/** GET /v1/webhooks: without the secret, which is shown once. Times are instants. */
export const WebhookView = Type.Object(
  {
    id: Type.String(),
    url: Type.String(),
    events: List(Type.String()),
    site: Type.Union([Type.String(), Type.Null()]),
    by: Type.String(),
    since: Type.Integer(),
    /** The index of the first entry of the log that it has not been told. */
    next: Type.Integer(),
    /** How many entries of the log are still to be looked at for it. */
    behind: Type.Integer(),
    /** How often the message that is next has failed, when it is tried again, and how it failed last. */
    failures: Type.Integer(),
    due: Type.Integer(),
    fault: Type.Union([Type.String(), Type.Null()]),
  },
  { ...closed, title: 'WebhookView' },
)
export type WebhookView = Static<typeof WebhookView>

/** POST /v1/webhooks: the secret that messages are signed with, as Standard Webhooks writes it. */
export const WebhookCreated = Type.Object(
  { id: Type.String(), secret: Type.String({ pattern: '^whsec_[A-Za-z0-9+/]{43}=$' }) },
  { ...closed, title: 'WebhookCreated' },
)
export const WebhookRemoved = Type.Object({ webhook: Type.String() }, { ...closed, title: 'WebhookRemoved' })

/** GET /v1/webhooks/ID/dead-letters. */
export const LetterView = Type.Object(
  {
    index: Type.Integer(),
    at: Type.Integer(),
    fault: Type.String(),
    /** True: a person wants it sent once more, and it was not yet. */
    again: Type.Boolean(),
  },
  { ...closed, title: 'LetterView' },
)
export type LetterView = Static<typeof LetterView>
export const LetterAgain = Type.Object(
  { webhook: Type.String(), index: Type.Integer() },
  { ...closed, title: 'LetterAgain' },
)
