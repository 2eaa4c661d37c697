import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { certificateRequest, generateTlsKey } from '../../adapters/certificates.ts'
import { writeWhole } from '../../adapters/config-file.ts'
import { isRefusal, refuse } from '../../core/refusal/refusal.ts'
import { REPOSITORIES } from '../../core/trust/ceremony-note.ts'
import type { AccountDetail, CertificateView } from '../../wire/account-api.ts'
import type { Cli, Work } from './cli.ts'
import type { Session } from './session.ts'
import { listing } from './table.ts'

/**
 * Writes the profile of somebody else: where the fleet is, whom to believe that it is the fleet, the roots and the log's key
 * as this machine trusts them, and with `certified` a key and its certificate. Durable on return. Refuses `file-exists`, and
 * what the server refuses.
 */
export async function makeProfile(
  cli: Cli,
  session: Session,
  id: string,
  folder: string,
  certified: boolean,
): Promise<Work> {
  if (existsSync(folder)) return refuse('file-exists', folder, 'a folder that is not there yet', 'one that is')
  const detail = await session.get<AccountDetail>(`/v1/accounts/${id}`)
  if (isRefusal(detail)) return detail
  const { url, auditKey } = session.profile
  const at = (name: string): string => join(folder, name)
  const roots: Record<string, string> = {}
  for (const repo of REPOSITORIES) {
    const root = session.root(repo)
    if (isRefusal(root)) {
      // Whoever has no director's root here hands none on.
      if (repo === 'director') continue
      return root
    }
    roots[repo] = `roots/${repo}.root.json`
    writeWhole(at(roots[repo]), root)
  }
  const own = certified ? { cert: 'cert.pem', key: 'key.pem' } : {}
  if (certified) {
    const key = generateTlsKey()
    const csr = await certificateRequest(key)
    const issued = await session.post<CertificateView>(`/v1/accounts/${id}/certificates`, { csr })
    if (isRefusal(issued)) return issued
    writeWhole(at('key.pem'), key, 0o600)
    writeWhole(at('cert.pem'), issued.cert)
  }
  writeWhole(at('ca.pem'), session.ca)
  const profile = { kind: 'voltseal-profile', name: id, url, ca: 'ca.pem', ...own, auditKey, roots }
  // The profile last: a folder without it is nobody's.
  writeWhole(at('profile.yaml'), stringify(profile))
  const next = certified
    ? 'they come in with it as it is'
    : `they sign in with it (voltseal login --profile FILE), or put a token beside it (voltseal account token ${id} --out ${at('token')})`
  cli.output.progress(`Hand the folder over and delete it here: ${next}.`)
  return {
    json: { account: id, folder, profile: at('profile.yaml'), certificate: certified },
    text: listing(cli.output, [
      ['account', id],
      ['profile', at('profile.yaml')],
      ['certificate', certified ? 'yes' : 'none'],
    ]),
  }
}
