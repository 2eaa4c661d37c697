import { Type } from 'typebox'
import { GATEWAYS, gatewaysOr, mayAtEach } from '../access.ts'
import { Name, UpstreamBatch, WitnessingJson } from '../fleet-api.ts'
import { UpstreamEnd, UpstreamTaken } from '../fleet-views.ts'
import { MAX_PLANT, PlantShown } from '../plant-api.ts'
import { route } from '../route.ts'

const METADATA = { type: 'application/json', what: 'a signed metadata file, byte for byte' }
const Path = Type.String({ maxLength: 256, description: 'a file of the repository, such as 7.snapshot.json' })

export const checkIn = route({
  method: 'GET',
  path: '/v1/check-in',
  id: 'checkIn',
  tag: 'gateways',
  summary: 'Whether the fleet has news for the gateway’s site: an entity tag over what stands above all else',
  access: GATEWAYS,
  answers: { 200: null, 304: null },
  codes: [],
})

export const sendUpstream = route({
  method: 'POST',
  path: '/v1/upstream',
  id: 'sendUpstream',
  tag: 'gateways',
  summary: 'Hands over a gateway’s outbox in order, with the site manifest; answers what is durable here',
  access: GATEWAYS,
  body: UpstreamBatch,
  answers: { 200: UpstreamTaken },
  codes: ['site-unknown', 'site-manifest-malformed', 'upstream-gap', 'upstream-forked'],
})

export const upstreamEnd = route({
  method: 'GET',
  path: '/v1/upstream',
  id: 'upstreamEnd',
  tag: 'gateways',
  summary: 'How far the fleet has the asking gateway’s own log',
  access: GATEWAYS,
  answers: { 200: UpstreamEnd },
  codes: ['site-unknown'],
})

export const offeredCheckpoint = route({
  method: 'GET',
  path: '/v1/witness',
  id: 'offeredCheckpoint',
  tag: 'gateways',
  summary:
    'The checkpoint of the audit log that the gateway is to sign, as an add-checkpoint request (C2SP tlog-witness) from the size that it signed last',
  access: GATEWAYS,
  query: Type.Object(
    {
      old: Type.String({
        pattern: '^(?:0|[1-9][0-9]{0,15})$',
        description: 'entries that it signed last; 0: none yet',
      }),
    },
    { additionalProperties: false },
  ),
  answers: { 200: { type: 'text/plain', what: 'old size, proof, an empty line, the checkpoint' } },
  codes: ['log-root-mismatch', 'log-tile-missing', 'log-tile-altered'],
})

export const sendWitnessing = route({
  method: 'POST',
  path: '/v1/witness',
  id: 'sendWitnessing',
  tag: 'gateways',
  summary: 'What the gateway says of that checkpoint: its cosignature, or why it does not sign',
  access: GATEWAYS,
  body: WitnessingJson,
  answers: { 204: null },
  codes: ['witness-key-unsuitable', 'cosignature-invalid', 'checkpoint-key-unknown', 'checkpoint-signature-invalid'],
})

export const showPlant = route({
  method: 'POST',
  path: '/v1/plant',
  id: 'showPlant',
  tag: 'gateways',
  summary:
    'What the gateway shows of its plant, for people who look at its site: asked for with a check-in, and kept for them alone',
  access: GATEWAYS,
  body: PlantShown,
  bodyLimit: MAX_PLANT,
  answers: { 204: null },
  codes: [],
})

export const repositoryFile = route({
  method: 'GET',
  path: '/v1/repos/{repo}/{path}',
  id: 'repositoryFile',
  tag: 'gateways',
  summary:
    'A file of a repository; of the director’s, a gateway sees its own site’s and a person the roots; of the sheets, a gateway sees its own',
  access: gatewaysOr('fetch-files'),
  params: {
    repo: Type.Union([
      Type.Literal('image'),
      Type.Literal('approval'),
      Type.Literal('director'),
      Type.Literal('sheets'),
    ]),
    path: Path,
  },
  answers: { 200: METADATA },
  codes: [],
})

export const siteOrders = route({
  method: 'GET',
  path: '/v1/sites/{site}/director/{path}',
  id: 'siteOrders',
  tag: 'gateways',
  summary: 'A file of a site’s orders, for who carries them there on a stick',
  access: mayAtEach('carry-orders', 'site'),
  params: { site: Name, path: Path },
  answers: { 200: METADATA },
  codes: [],
})

export const siteSheet = route({
  method: 'GET',
  path: '/v1/sites/{site}/sheets/{path}',
  id: 'siteSheet',
  tag: 'gateways',
  summary: 'A site’s sheet of a campaign with its proof (CAMPAIGN.json), for who carries its orders there on a stick',
  access: mayAtEach('carry-orders', 'site'),
  params: { site: Name, path: Path },
  answers: { 200: METADATA },
  codes: [],
})
