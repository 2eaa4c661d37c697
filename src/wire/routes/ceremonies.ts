import { may } from '../access.ts'
import { CloseCeremony, MAX_BINS_BODY } from '../fleet-api.ts'
import { CeremonyClosed } from '../fleet-views.ts'
import { route } from '../route.ts'
import { RepositoryName } from './releases.ts'

export const closeCeremony = route({
  method: 'POST',
  path: '/v1/ceremonies/{repo}',
  id: 'closeCeremony',
  tag: 'ceremonies',
  summary: 'Puts in force what was signed at a ceremony: the next root, the next targets, or both',
  access: may('close-ceremony'),
  params: { repo: RepositoryName },
  body: CloseCeremony,
  bodyLimit: MAX_BINS_BODY,
  answers: { 200: CeremonyClosed },
  codes: ['metadata-below-threshold', 'root-targets-differ', 'publish-version-conflict'],
})
