import { Type } from 'typebox'
import { may } from '../access.ts'
import { PackSealed, SealPack } from '../evidence-api.ts'
import { AuditPage, CheckpointView, MOST_PEOPLE, PeopleView } from '../fleet-views.ts'
import { pageFields, route } from '../route.ts'

const tag = 'audit'
const Index = (what: string) => Type.Optional(Type.String({ pattern: '^[0-9]{1,16}$', description: what }))

export const readCheckpoint = route({
  method: 'GET',
  path: '/v1/audit/checkpoint',
  id: 'readCheckpoint',
  tag,
  summary: 'The signed checkpoint over the whole log, and the key to verify it with',
  access: may('read-audit'),
  answers: { 200: CheckpointView },
  codes: [],
})

export const lookUpPeople = route({
  method: 'GET',
  path: '/v1/audit/people',
  id: 'lookUpPeople',
  tag,
  summary: 'Whom pseudonyms of the log stand for, as far as it is known: who was forgotten is not in the answer',
  access: may('read-accounts'),
  query: Type.Object(
    {
      of: Type.String({
        minLength: 1,
        maxLength: MOST_PEOPLE * 80,
        description: 'pseudonyms, with commas between them',
      }),
    },
    { additionalProperties: false },
  ),
  answers: { 200: PeopleView },
  codes: ['request-malformed'],
})

export const listEntries = route({
  method: 'GET',
  path: '/v1/audit/entries',
  id: 'listEntries',
  tag,
  summary: 'Entries of the log: a range of at most 1000, or page by page from the first one on',
  access: may('read-audit'),
  query: Type.Object(
    { from: Index('the first entry of a range'), to: Index('the first entry behind the range'), ...pageFields },
    { additionalProperties: false },
  ),
  paged: true,
  answers: { 200: AuditPage },
  codes: ['cursor-invalid'],
})

export const sealPack = route({
  method: 'POST',
  path: '/v1/audit/evidence-packs',
  id: 'sealPack',
  tag,
  summary: 'Seals an evidence pack: an entry of the log holds the digest of its statement',
  access: may('read-audit'),
  body: SealPack,
  answers: { 200: PackSealed },
  codes: ['log-index-beyond'],
})
