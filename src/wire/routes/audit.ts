import { Type } from 'typebox'
import { may } from '../access.ts'
import { FoundEntries, KindsView, PackView, PolicyView, StandardsView } from '../audit-views.ts'
import { BeginPack, PackSealed, SealPack } from '../evidence-api.ts'
import { AuditPage, CheckpointView, List, MOST_PEOPLE, PeopleView } from '../fleet-views.ts'
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

const Word = (what: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 160, description: what }))
const period = {
  since: Index('milliseconds since 1970: entries from then on, by their own time'),
  until: Index('milliseconds since 1970: entries before then'),
}

export const searchEntries = route({
  method: 'GET',
  path: '/v1/audit/search',
  id: 'searchEntries',
  tag,
  summary: 'Entries of the log that fit all that is named, the newest first; or up from one of them',
  access: may('read-audit'),
  query: Type.Object(
    {
      site: Word('the site that it is about'),
      controller: Word('the controller, by its name at its site'),
      campaign: Word('the campaign'),
      kind: Word('the kind of entry'),
      code: Word('the refusal code in it'),
      actor: Word('who did it: a device, a pseudonym; or a person’s name, for who may see accounts'),
      ...period,
      below: Index('entries in front of this one, the newest first; absent: from the end of the log'),
      above: Index('entries behind this one, the oldest first'),
      limit: pageFields.limit,
    },
    { additionalProperties: false },
  ),
  answers: { 200: FoundEntries },
  codes: [],
})

export const countKinds = route({
  method: 'GET',
  path: '/v1/audit/kinds',
  id: 'countKinds',
  tag,
  summary: 'How many entries of each kind the log has, or has of a period',
  access: may('read-audit'),
  query: Type.Object(period, { additionalProperties: false }),
  answers: { 200: KindsView },
  codes: [],
})

export const readStandards = route({
  method: 'GET',
  path: '/v1/audit/standards',
  id: 'readStandards',
  tag,
  summary:
    'Standards, clause by clause: what is enforced, what is recorded, and whether the log, or a period of it, has it',
  access: may('read-audit'),
  query: Type.Object(period, { additionalProperties: false }),
  answers: { 200: StandardsView },
  codes: [],
})

export const readPolicy = route({
  method: 'GET',
  path: '/v1/audit/policy',
  id: 'readPolicy',
  tag,
  summary: 'The keys of the log and of its witnesses, and how many have to sign (C2SP tlog-policy)',
  access: may('read-audit'),
  answers: { 200: PolicyView },
  codes: [],
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

const packId = { id: Type.String({ pattern: '^[0-9a-f]{24}$' }) }

export const beginPack = route({
  method: 'POST',
  path: '/v1/audit/packs',
  id: 'beginPack',
  tag,
  summary: 'Has the server make an evidence pack: it reads the log, seals the pack in it, and verifies it',
  access: may('read-audit'),
  body: BeginPack,
  answers: { 200: PackView },
  codes: ['pack-under-way'],
})

export const listPacks = route({
  method: 'GET',
  path: '/v1/audit/packs',
  id: 'listPacks',
  tag,
  summary:
    'The evidence packs that the server makes or has made for who asks, the newest first; they are kept for an hour',
  access: may('read-audit'),
  answers: { 200: List(PackView) },
  codes: [],
})

export const cancelPack = route({
  method: 'POST',
  path: '/v1/audit/packs/{id}/cancel',
  id: 'cancelPack',
  tag,
  summary: 'Stops the making of a pack. Where the log has sealed it already, it stays sealed',
  access: may('read-audit'),
  params: packId,
  answers: { 200: PackView },
  codes: ['not-found'],
})

export const fetchPack = route({
  method: 'GET',
  path: '/v1/audit/packs/{id}/file',
  id: 'fetchPack',
  tag,
  summary: 'An evidence pack that the server has made for who asks',
  access: may('read-audit'),
  params: packId,
  answers: { 200: { type: 'application/zip', what: 'an evidence pack' } },
  codes: ['not-found'],
})
