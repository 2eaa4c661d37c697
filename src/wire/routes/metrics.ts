import { may } from '../access.ts'
import { route } from '../route.ts'

export const readMetrics = route({
  method: 'GET',
  path: '/metrics',
  id: 'readMetrics',
  tag: 'metrics',
  summary: 'Figures of the fleet and of this server, in the Prometheus text format',
  access: may('read-metrics'),
  answers: { 200: { type: 'text/plain', what: 'Prometheus text format 0.0.4' } },
  codes: [],
})
