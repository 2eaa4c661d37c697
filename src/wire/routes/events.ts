import { Type } from 'typebox'
import { mayAnywhere } from '../access.ts'
import { Name } from '../fleet-api.ts'
import { route } from '../route.ts'

export const followEvents = route({
  method: 'GET',
  path: '/v1/events',
  id: 'followEvents',
  tag: 'events',
  summary:
    'What happens, as it happens: a snapshot, then each entry of the audit log that the caller may see; with Last-Event-ID, from there on',
  access: mayAnywhere('read-campaigns'),
  query: Type.Object({ site: Type.Optional(Name), campaign: Type.Optional(Name) }, { additionalProperties: false }),
  answers: { 200: { type: 'text/event-stream', what: 'server-sent events; the id is the index in the audit log' } },
  codes: ['event-id-unknown', 'events-too-many'],
})
