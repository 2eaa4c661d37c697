import { Type } from 'typebox'
import { TURN_STATES } from '../../core/campaign/turn.ts'
import { COMMAND, mayAnywhere, mayAtEach, mayAtSome } from '../access.ts'
import { Approve, BringWraps, Command, CreateCampaign, Name, Reject } from '../fleet-api.ts'
import {
  Approved,
  CampaignControllerView,
  CampaignSummary,
  CommandTaken,
  DraftView,
  List,
  WrapsTaken,
  WrapsView,
} from '../fleet-views.ts'
import { CampaignDetail, CampaignDraft, SheetView, WaitingPlan } from '../plan-views.ts'
import { PageQuery, pageFields, route } from '../route.ts'

const params = { id: Name }
const tag = 'campaigns'

export const listCampaigns = route({
  method: 'GET',
  path: '/v1/campaigns',
  id: 'listCampaigns',
  tag,
  summary: 'Campaigns, in the order in which they were made',
  access: mayAnywhere('read-campaigns'),
  query: PageQuery,
  paged: true,
  answers: { 200: List(CampaignSummary) },
  codes: ['cursor-invalid'],
})

export const readCampaign = route({
  method: 'GET',
  path: '/v1/campaigns/{id}',
  id: 'readCampaign',
  tag,
  summary: 'One campaign as it stands, its course against its plan, and what the caller may tell it',
  access: mayAtSome('read-campaigns', 'campaign'),
  params,
  answers: { 200: CampaignDetail },
  codes: ['campaign-unknown'],
})

export const listTurns = route({
  method: 'GET',
  path: '/v1/campaigns/{id}/controllers',
  id: 'listTurns',
  tag,
  summary:
    'The controllers of a campaign, each with its turn, in order of site and controller; those of one state in order of wave',
  access: mayAtSome('read-campaigns', 'campaign'),
  params,
  query: Type.Object(
    { state: Type.Optional(Type.Union(TURN_STATES.map(at => Type.Literal(at)))), ...pageFields },
    { additionalProperties: false },
  ),
  paged: true,
  answers: { 200: List(CampaignControllerView) },
  codes: ['campaign-unknown', 'cursor-invalid'],
})

export const listWaiting = route({
  method: 'GET',
  path: '/v1/approvals',
  id: 'listWaiting',
  tag,
  summary: 'The plans that wait for approval: what they change, who signed, and whether the caller may',
  access: mayAnywhere('read-campaigns'),
  query: PageQuery,
  paged: true,
  answers: { 200: List(WaitingPlan) },
  codes: ['cursor-invalid'],
})

export const createCampaign = route({
  method: 'POST',
  path: '/v1/campaigns',
  id: 'createCampaign',
  tag,
  summary: 'Plans a campaign; with dryRun nothing is kept',
  access: mayAnywhere('plan'),
  body: CreateCampaign,
  answers: { 200: CampaignDraft },
  codes: ['campaign-exists', 'plan-file-malformed'],
})

export const readDraft = route({
  method: 'GET',
  path: '/v1/campaigns/{id}/draft',
  id: 'readDraft',
  tag,
  summary: 'What an approver signs',
  access: mayAtSome('read-campaigns', 'campaign'),
  params,
  answers: { 200: DraftView },
  codes: ['campaign-unknown'],
})

export const readPlan = route({
  method: 'GET',
  path: '/v1/campaigns/{id}/plan',
  id: 'readPlan',
  tag,
  summary: 'The plan, byte for byte as it is approved',
  access: mayAtSome('read-campaigns', 'campaign'),
  params,
  answers: { 200: { type: 'application/json', what: 'the plan as canonical JSON' } },
  codes: ['not-found'],
})

export const listSheets = route({
  method: 'GET',
  path: '/v1/campaigns/{id}/sheets',
  id: 'listSheets',
  tag,
  summary: 'The sheets of a plan, one for each site, in order of site: who gets what, in which wave',
  access: mayAtSome('read-campaigns', 'campaign'),
  params,
  query: PageQuery,
  paged: true,
  answers: { 200: List(SheetView) },
  codes: ['campaign-unknown', 'cursor-invalid'],
})

export const approveCampaign = route({
  method: 'POST',
  path: '/v1/campaigns/{id}/approvals',
  id: 'approveCampaign',
  tag,
  summary: 'Adds one approver’s signature over the draft',
  access: mayAtEach('approve', 'campaign'),
  params,
  body: Approve,
  answers: { 200: Approved },
  codes: ['campaign-unknown', 'approval-key-unknown', 'approval-signature-invalid'],
})

export const rejectCampaign = route({
  method: 'POST',
  path: '/v1/campaigns/{id}/rejections',
  id: 'rejectCampaign',
  tag,
  summary: 'Rejects a plan for good, with the reason: no signature approves it any more',
  access: mayAtEach('reject', 'campaign'),
  params,
  body: Reject,
  answers: { 200: Type.Object({ campaign: Name, rejected: Type.Literal(true) }, { additionalProperties: false }) },
  codes: ['campaign-unknown', 'campaign-already-approved', 'campaign-rejected'],
})

export const listWraps = route({
  method: 'GET',
  path: '/v1/campaigns/{id}/wraps',
  id: 'listWraps',
  tag,
  summary: 'For whom a content key is still to be wrapped; with again=true, for whom at all',
  access: mayAtEach('wrap-keys', 'campaign'),
  params,
  query: Type.Object(
    { again: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])), ...pageFields },
    { additionalProperties: false },
  ),
  paged: true,
  answers: { 200: WrapsView },
  codes: ['campaign-unknown', 'cursor-invalid'],
})

export const bringWraps = route({
  method: 'POST',
  path: '/v1/campaigns/{id}/wraps',
  id: 'bringWraps',
  tag,
  summary: 'Brings wrapped content keys for controllers of a campaign',
  access: mayAtEach('wrap-keys', 'campaign'),
  params,
  body: BringWraps,
  answers: { 200: WrapsTaken },
  codes: ['campaign-unknown', 'wrap-malformed'],
})

export const commandCampaign = route({
  method: 'POST',
  path: '/v1/campaigns/{id}/commands',
  id: 'commandCampaign',
  tag,
  summary:
    'Starts, pauses, resumes, retries, halts or rolls back a campaign; a pause, a halt and a roll-back need a reason. How it stands then is at /v1/campaigns/{id}',
  access: COMMAND,
  params,
  body: Command,
  answers: { 200: CommandTaken },
  codes: [
    'campaign-unknown',
    'campaign-reason-missing',
    'campaign-not-approved',
    'campaign-not-paused',
    'campaign-ended',
  ],
})
