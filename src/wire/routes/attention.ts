import { Type } from 'typebox'
import { mayAnywhere } from '../access.ts'
import { AttentionSummary, AttentionView } from '../attention-views.ts'
import { Name } from '../fleet-api.ts'
import { List } from '../fleet-views.ts'
import { pageFields, route } from '../route.ts'

const tag = 'fleet'

export const listAttention = route({
  method: 'GET',
  path: '/v1/attention',
  id: 'listAttention',
  tag,
  summary: 'What needs somebody, the worst first: refused trust, what failed, what is silent or waits for a person',
  access: mayAnywhere('read-inventory'),
  query: Type.Object(
    { region: Type.Optional(Type.String({ maxLength: 64 })), site: Type.Optional(Name), ...pageFields },
    { additionalProperties: false },
  ),
  paged: true,
  answers: { 200: List(AttentionView) },
  codes: ['cursor-invalid'],
})

export const readAttention = route({
  method: 'GET',
  path: '/v1/attention/summary',
  id: 'readAttention',
  tag,
  summary: 'How much needs somebody, by level and by region',
  access: mayAnywhere('read-inventory'),
  answers: { 200: AttentionSummary },
  codes: [],
})
