import { Type } from 'typebox'
import { QUERY_WORDS, type QueryWord } from '../../core/fleet/query.ts'
import { may, mayAnywhere, mayAtEach } from '../access.ts'
import { Name } from '../fleet-api.ts'
import { List } from '../fleet-views.ts'
import {
  CheckView,
  ComplianceView,
  CountView,
  DeadlineView,
  ImportBegun,
  ImportEnded,
  IncidentsView,
  InventoryView,
  LinesStaged,
  SiteCountView,
  VersionSaidView,
  VersionsView,
} from '../inventory-views.ts'
import { pageFields, route } from '../route.ts'

const tag = 'inventory'
const closed = { additionalProperties: false }

/** The words of a question, as text: `parseQuery` reads them. */
const words = Object.fromEntries(
  Object.entries(QUERY_WORDS).map(([word, description]) => [
    word,
    Type.Optional(Type.String({ minLength: 1, maxLength: 8192, description })),
  ]),
) as Record<QueryWord, ReturnType<typeof Type.Optional<ReturnType<typeof Type.String>>>>

const codes = ['query-malformed', 'version-malformed', 'cursor-invalid'] as const

export const listInventory = route({
  method: 'GET',
  path: '/v1/inventory/controllers',
  id: 'listInventory',
  tag,
  summary: 'The controllers that match a question, by site and name; by last sign of life with `seen-before`',
  access: mayAnywhere('read-inventory'),
  query: Type.Object({ ...words, ...pageFields }, closed),
  paged: true,
  answers: { 200: List(InventoryView) },
  codes,
})

export const countInventory = route({
  method: 'GET',
  path: '/v1/inventory/count',
  id: 'countInventory',
  tag,
  summary: 'How many controllers match a question, at how many sites',
  access: mayAnywhere('read-inventory'),
  query: Type.Object(words, closed),
  answers: { 200: CountView },
  codes: ['query-malformed', 'version-malformed'],
})

export const listSiteCounts = route({
  method: 'GET',
  path: '/v1/inventory/sites',
  id: 'listSiteCounts',
  tag,
  summary: 'The sites that have controllers that match a question',
  access: mayAnywhere('read-inventory'),
  query: Type.Object({ ...words, ...pageFields }, closed),
  paged: true,
  answers: { 200: List(SiteCountView) },
  codes,
})

export const listVersions = route({
  method: 'GET',
  path: '/v1/inventory/versions',
  id: 'listVersions',
  tag,
  summary: 'The version map: how many controllers of each class run which version, attested or claimed, place by place',
  access: mayAnywhere('read-inventory'),
  query: Type.Object(
    {
      ...words,
      ...pageFields,
      by: Type.Optional(
        Type.Union(
          (['fleet', 'region', 'site', 'cabinet', 'rack'] as const).map(one => Type.Literal(one)),
          { description: 'what is counted by; absent: the fleet' },
        ),
      ),
    },
    closed,
  ),
  paged: true,
  answers: { 200: List(VersionsView) },
  codes,
})

export const listVersionHistory = route({
  method: 'GET',
  path: '/v1/controllers/{site}/{id}/versions',
  id: 'listVersionHistory',
  tag,
  summary: 'The versions that a controller was said to run: claimed by records, attested by itself',
  access: mayAtEach('read-inventory', 'site'),
  params: { site: Name, id: Name },
  answers: { 200: List(VersionSaidView) },
  codes: ['controller-unknown'],
})

export const listIncidents = route({
  method: 'GET',
  path: '/v1/inventory/incidents',
  id: 'listIncidents',
  tag,
  summary: 'Incidents of each version, as rates with exact confidence limits',
  access: mayAtEach('read-inventory', 'fleet'),
  query: Type.Object({ class: words.class }, closed),
  answers: { 200: List(IncidentsView) },
  codes: ['query-malformed'],
})

export const checkInventory = route({
  method: 'POST',
  path: '/v1/inventory/checks',
  id: 'checkInventory',
  tag,
  summary:
    'Verifies the next sites of the inventory against the signed reports and the site descriptions that it rests on',
  access: may('read-audit'),
  body: Type.Object({ after: Type.Optional(Name) }, closed),
  answers: { 200: CheckView },
  codes: [],
})

/** Lines of one call at most. */
export const MAX_IMPORT_LINES = 1000

const Field = Type.String({ maxLength: 4096 })
const Fields = Type.Array(Field, { minItems: 1, maxItems: 64 })
const importId = { import: Type.String({ pattern: '^[0-9]{1,15}$', description: 'the number of the import' }) }

export const beginImport = route({
  method: 'POST',
  path: '/v1/inventory/imports',
  id: 'beginImport',
  tag,
  summary: 'Begins to take a list of controllers in; `columns` is its first line. One that was open is given up',
  access: mayAtEach('enrol', 'fleet'),
  body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 160 }), columns: Fields }, closed),
  answers: { 200: ImportBegun },
  codes: ['import-header-malformed', 'import-unfinished'],
})

export const stageImport = route({
  method: 'POST',
  path: '/v1/inventory/imports/{import}/lines',
  id: 'stageImport',
  tag,
  summary: 'Stages lines of a list: nothing of them is in the inventory before the import ends',
  access: mayAtEach('enrol', 'fleet'),
  params: importId,
  body: Type.Object(
    {
      lines: Type.Array(Type.Object({ line: Type.Integer({ minimum: 1 }), fields: Fields }, closed), {
        minItems: 1,
        maxItems: MAX_IMPORT_LINES,
      }),
    },
    closed,
  ),
  answers: { 200: LinesStaged },
  codes: ['import-unknown'],
})

export const endImport = route({
  method: 'POST',
  path: '/v1/inventory/imports/{import}/end',
  id: 'endImport',
  tag,
  summary: 'Ends an import: all of it, the good lines, or nothing. `bad`: lines that were found at fault',
  access: mayAtEach('enrol', 'fleet'),
  params: importId,
  body: Type.Object(
    {
      take: Type.Union([Type.Literal('all'), Type.Literal('good'), Type.Literal('nothing')]),
      bad: Type.Integer({ minimum: 0 }),
    },
    closed,
  ),
  answers: { 200: ImportEnded },
  codes: ['import-unknown', 'import-lines-bad'],
})

export const listCompliance = route({
  method: 'GET',
  path: '/v1/inventory/compliance',
  id: 'listCompliance',
  tag,
  summary: 'How each site stands with a campaign, by what its controllers attested',
  access: mayAnywhere('read-inventory'),
  query: Type.Object({ campaign: Name, ...pageFields }, closed),
  paged: true,
  answers: { 200: List(ComplianceView) },
  codes: ['campaign-unknown', 'cursor-invalid'],
})

export const listDeadlines = route({
  method: 'GET',
  path: '/v1/inventory/deadlines',
  id: 'listDeadlines',
  tag,
  summary:
    'The campaigns whose deadline is up to an instant, the first one first; those with a site that the caller may see',
  access: mayAnywhere('read-campaigns'),
  query: Type.Object({ by: Type.String({ pattern: '^[0-9]{1,16}$', description: 'milliseconds since 1970' }) }, closed),
  answers: { 200: List(DeadlineView) },
  codes: [],
})
