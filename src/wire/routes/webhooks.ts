import { Type } from 'typebox'
import { may } from '../access.ts'
import { Name } from '../fleet-api.ts'
import { List } from '../fleet-views.ts'
import { PageQuery, route } from '../route.ts'
import { CreateWebhook, LetterAgain, LetterView, WebhookCreated, WebhookRemoved, WebhookView } from '../webhook-api.ts'

const tag = 'webhooks'
const params = { id: Name }

export const listWebhooks = route({
  method: 'GET',
  path: '/v1/webhooks',
  id: 'listWebhooks',
  tag,
  summary: 'Who is told what, and how far behind the log each is',
  access: may('read-webhooks'),
  query: PageQuery,
  paged: true,
  answers: { 200: List(WebhookView) },
  codes: ['cursor-invalid'],
})

export const createWebhook = route({
  method: 'POST',
  path: '/v1/webhooks',
  id: 'createWebhook',
  tag,
  summary: 'Has a receiver told of what happens from now on; the secret in the answer is shown this once',
  access: may('manage-webhooks'),
  body: CreateWebhook,
  answers: { 200: WebhookCreated },
  codes: ['webhook-exists', 'webhook-url-refused'],
})

export const removeWebhook = route({
  method: 'DELETE',
  path: '/v1/webhooks/{id}',
  id: 'removeWebhook',
  tag,
  summary: 'Ends a webhook, with what was set aside for it',
  access: may('manage-webhooks'),
  params,
  answers: { 200: WebhookRemoved },
  codes: [],
})

export const listLetters = route({
  method: 'GET',
  path: '/v1/webhooks/{id}/dead-letters',
  id: 'listLetters',
  tag,
  summary: 'Messages that were tried too often and set aside',
  access: may('read-webhooks'),
  params,
  query: PageQuery,
  paged: true,
  answers: { 200: List(LetterView) },
  codes: ['cursor-invalid'],
})

export const sendAgain = route({
  method: 'POST',
  path: '/v1/webhooks/{id}/dead-letters/{index}/deliveries',
  id: 'sendAgain',
  tag,
  summary: 'Has a message that was set aside sent once more',
  access: may('manage-webhooks'),
  params: { id: Name, index: Type.String({ pattern: '^[0-9]{1,15}$' }) },
  answers: { 200: LetterAgain },
  codes: [],
})
