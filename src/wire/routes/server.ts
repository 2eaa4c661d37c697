import { ACCOUNTS, may } from '../access.ts'
import { route } from '../route.ts'

export const readMetrics = route({
  method: 'GET',
  path: '/metrics',
  id: 'readMetrics',
  tag: 'server',
  summary: 'Figures of the fleet and of this server, in the Prometheus text format',
  access: may('read-metrics'),
  answers: { 200: { type: 'text/plain', what: 'Prometheus text format 0.0.4' } },
  codes: [],
})

export const readOpenApi = route({
  method: 'GET',
  path: '/v1/openapi.json',
  id: 'readOpenApi',
  tag: 'server',
  summary: 'This description of the API',
  access: ACCOUNTS,
  answers: { 200: { type: 'application/json', what: 'an OpenAPI 3.1 document' } },
  codes: [],
})
