import { Type } from 'typebox'
import { gatewaysOr, may } from '../access.ts'
import { MAX_BINS_BODY, PublishPolicyJson, PublishRelease, Sha256Name } from '../fleet-api.ts'
import { List, Published, ReleaseView } from '../fleet-views.ts'
import { PageQuery, route } from '../route.ts'

const BYTES = { type: 'application/octet-stream', what: 'the blob’s bytes' }
const params = { sha256: Sha256Name }

export const readBlob = route({
  method: 'GET',
  path: '/v1/blobs/{sha256}',
  id: 'readBlob',
  tag: 'releases',
  summary: 'A published payload, envelope or plan, whole or a range of it',
  access: gatewaysOr('fetch-files'),
  params,
  answers: { 200: BYTES, 206: BYTES },
  codes: ['blob-missing'],
})

export const storeBlob = route({
  method: 'PUT',
  path: '/v1/blobs/{sha256}',
  id: 'storeBlob',
  tag: 'releases',
  summary: 'Uploads a blob under its digest; durable when answered',
  access: may('publish'),
  params,
  body: BYTES,
  answers: { 204: null },
  codes: ['blob-too-large', 'blob-digest-mismatch', 'download-truncated', 'download-too-long', 'no-space'],
})

export const listReleases = route({
  method: 'GET',
  path: '/v1/releases',
  id: 'listReleases',
  tag: 'releases',
  summary: 'What is published, by path',
  access: may('read-releases'),
  query: PageQuery,
  paged: true,
  answers: { 200: List(ReleaseView) },
  codes: ['cursor-invalid'],
})

export const readPublishPolicy = route({
  method: 'GET',
  path: '/v1/publish-policy',
  id: 'readPublishPolicy',
  tag: 'releases',
  summary: 'What a release must carry to be published here',
  access: may('read-releases'),
  answers: { 200: PublishPolicyJson },
  codes: [],
})

export const publish = route({
  method: 'POST',
  path: '/v1/releases',
  id: 'publish',
  tag: 'releases',
  summary: 'Publishes releases: signed image targets, whose blobs were uploaded before',
  access: may('publish'),
  body: PublishRelease,
  bodyLimit: MAX_BINS_BODY,
  answers: { 200: Published },
  codes: [
    'publish-version-conflict',
    'target-conflict',
    'metadata-expired',
    'metadata-below-threshold',
    'blob-missing',
    'evidence-missing',
  ],
})

export const RepositoryName = Type.Union([Type.Literal('image'), Type.Literal('approval'), Type.Literal('director')])
