import { Type } from 'typebox'
import { may } from '../access.ts'
import { List } from '../fleet-views.ts'
import { MakePatch, PatchView, ReleasePatches } from '../patch-api.ts'
import { PageQuery, route } from '../route.ts'

const tag = 'releases'

export const listPatches = route({
  method: 'GET',
  path: '/v1/patches',
  id: 'listPatches',
  tag,
  summary: 'Patches that were made, wait to be made, or could not be made, the newest first',
  access: may('read-releases'),
  query: PageQuery,
  paged: true,
  answers: { 200: List(PatchView) },
  codes: ['cursor-invalid'],
})

export const readReleasePatches = route({
  method: 'GET',
  path: '/v1/patches/to/{release}',
  id: 'readReleasePatches',
  tag,
  summary:
    'The patches to a release: from each image that controllers run, and how many of those that the caller may see',
  access: may('read-releases'),
  params: { release: Type.String({ description: 'the target path of its envelope, such as bms/1.4.0/envelope.suit' }) },
  rest: true,
  answers: { 200: ReleasePatches },
  codes: ['not-found'],
})

export const makePatch = route({
  method: 'POST',
  path: '/v1/patches',
  id: 'makePatch',
  tag,
  summary: 'Has a patch made, also one that could not be made before; it waits in the queue when answered',
  access: may('publish'),
  body: MakePatch,
  answers: { 200: PatchView },
  codes: ['patches-off', 'patch-queue-full', 'blob-missing'],
})
