import { Type } from 'typebox'
import { may, mayAnywhere, mayAtEach } from '../access.ts'
import { EnrolSite, Name } from '../fleet-api.ts'
import { AnchorsView, BreakView, ControllerView, EnrolledSite, HistoryView, List, StatusView } from '../fleet-views.ts'
import { PageQuery, pageFields, route } from '../route.ts'

const tag = 'fleet'
const params = { site: Name, id: Name }

export const enrolSite = route({
  method: 'POST',
  path: '/v1/sites',
  id: 'enrolSite',
  tag,
  summary: 'Registers a site with its gateway and controllers, and certifies their keys',
  access: mayAtEach('enrol', 'enrolment'),
  body: EnrolSite,
  answers: { 200: EnrolledSite },
  codes: ['site-malformed', 'enrolment-key-malformed', 'enrolment-key-changed', 'enrolment-key-shared'],
})

export const readStatus = route({
  method: 'GET',
  path: '/v1/status',
  id: 'readStatus',
  tag,
  summary: 'How long what people and what the server sign still holds, and what a person has to see to',
  access: may('read-status'),
  answers: { 200: StatusView },
  codes: [],
})

export const listBreaks = route({
  method: 'GET',
  path: '/v1/breaks',
  id: 'listBreaks',
  tag,
  summary:
    'Where the logs of gateways and the histories of controllers do not go on, in the order in which it was found',
  access: mayAnywhere('read-inventory'),
  query: Type.Object({ site: Type.Optional(Name), ...pageFields }, { additionalProperties: false }),
  paged: true,
  answers: { 200: List(BreakView) },
  codes: ['cursor-invalid'],
})

export const readAnchors = route({
  method: 'GET',
  path: '/v1/anchors',
  id: 'readAnchors',
  tag,
  summary: 'Which controllers accept which keys, and which roots the gateways trust',
  access: mayAtEach('read-inventory', 'fleet'),
  answers: { 200: AnchorsView },
  codes: [],
})

export const listControllers = route({
  method: 'GET',
  path: '/v1/controllers',
  id: 'listControllers',
  tag,
  summary: 'Controllers with what each attested last, by site and name',
  access: mayAnywhere('read-inventory'),
  query: PageQuery,
  paged: true,
  answers: { 200: List(ControllerView) },
  codes: ['cursor-invalid'],
})

export const readController = route({
  method: 'GET',
  path: '/v1/controllers/{site}/{id}',
  id: 'readController',
  tag,
  summary: 'One controller with what it attested last',
  access: mayAtEach('read-inventory', 'site'),
  params,
  answers: { 200: ControllerView },
  codes: ['controller-unknown'],
})

export const readHistory = route({
  method: 'GET',
  path: '/v1/controllers/{site}/{id}/history',
  id: 'readHistory',
  tag,
  summary: 'What the audit log says of a controller, oldest first',
  access: mayAtEach('read-inventory', 'site'),
  params,
  query: Type.Object(
    {
      ...pageFields,
      newest: Type.Optional(
        Type.String({
          pattern: '^(?:[1-9][0-9]{0,2}|1000)$',
          description: 'the newest so many alone, oldest first, without a page behind: 1 to 1000',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  paged: true,
  answers: { 200: List(HistoryView) },
  codes: ['controller-unknown', 'cursor-invalid'],
})
