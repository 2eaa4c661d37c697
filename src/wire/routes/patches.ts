import { may } from '../access.ts'
import { List } from '../fleet-views.ts'
import { MakePatch, PatchView } from '../patch-api.ts'
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
