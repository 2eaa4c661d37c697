import { may } from '../access.ts'
import { Name } from '../fleet-api.ts'
import { List } from '../fleet-views.ts'
import { PageQuery, route } from '../route.ts'
import { SiemTested, SiemView } from '../siem-api.ts'

const tag = 'siem'

export const listReceivers = route({
  method: 'GET',
  path: '/v1/siem',
  id: 'listReceivers',
  tag,
  summary: 'Who the log is forwarded to as syslog, and up to where each has it',
  access: may('read-webhooks'),
  query: PageQuery,
  paged: true,
  answers: { 200: List(SiemView) },
  codes: ['cursor-invalid'],
})

export const testReceiver = route({
  method: 'POST',
  path: '/v1/siem/{id}/tests',
  id: 'testReceiver',
  tag,
  summary: 'Makes an entry that goes the way of all others, and has it sent at once',
  access: may('manage-webhooks'),
  params: { id: Name },
  answers: { 200: SiemTested },
  codes: [],
})
