import { basename, join } from 'node:path'
import { stringify } from 'yaml'
import { type CertifiedKey, certificateFacts, certifyNewKey } from '../../adapters/certificates.ts'
import { writeWhole } from '../../adapters/config-file.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { type Account, newAccount } from '../../core/fleet/account.ts'
import { NAME } from '../../core/fleet/identity.ts'
import type { Role } from '../../core/fleet/roles.ts'
import { verifierKey } from '../../core/ledger/signed-note.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { keyId } from '../../core/trust/keys.ts'
import type { Issued } from '../../flows/certify.ts'
import type { Signer } from '../../flows/ports.ts'
import type { FleetConfig } from '../../wire/config.ts'
import { readAuthority } from './enrolment.ts'
import { fleetFiles } from './files.ts'

/** The first accounts of a fleet, and the profiles by which people come in with a certificate. */

export const ADMINISTRATOR = 'administrator'

/** What the administrator is too where maker and operator are one: everything but the one who approves. */
const BOTH_SIDES: readonly Role[] = ['release-manager', 'planner', 'operator', 'site-engineer', 'technician', 'auditor']

/** Somebody who approves, by the key that they sign with. */
export type Approver = { readonly id: string; readonly signer: Signer }

/**
 * The names of the approvers, from what their keys are called: `keys/ana.key` is ana's. A name that is none, or not the only
 * one, becomes `approver-1` and so on, in the order in which the keys were named.
 */
export function approverNames(references: readonly string[]): readonly string[] {
  const names = references.map(reference => {
    const plain = basename(reference).replace(/\.(?:key|pem)$/, '')
    return NAME.test(plain) && plain !== ADMINISTRATOR ? plain : null
  })
  return names.map((name, index) => {
    const alone = name !== null && names.filter(other => other === name).length === 1
    return alone ? name : `approver-${index + 1}`
  })
}

/** The first accounts: the administrator, and one for each approver, with the key that is theirs. */
export function firstAccounts(
  approvers: readonly Approver[],
  oneOrganisation: boolean,
  now: Instant,
  crypto: Crypto,
): readonly Account[] {
  const fleet = { at: 'fleet' } as const
  const granted = (...roles: readonly Role[]) => roles.map(role => ({ role, scope: fleet }))
  const own = granted(ADMINISTRATOR, ...(oneOrganisation ? BOTH_SIDES : []))
  const named = (id: string, grants: Account['grants']) => newAccount({ id, kind: 'person', name: id, grants }, now)
  return [
    named(ADMINISTRATOR, own),
    ...approvers.map(({ id, signer }) => {
      return { ...named(id, granted('approver')), keys: [keyId(signer.key, crypto)] }
    }),
  ]
}

/** A key with its certificate for somebody, what the log says of it, and who issued it: the first half of a profile. */
export type Certified = { readonly person: CertifiedKey; readonly authority: string; readonly issued: Issued }

/** Makes a key and a certificate for an account. Nothing is durable on return. Refuses what `readAuthority` refuses. */
export async function certifyPerson(folder: string, name: string, now: Instant): Promise<Certified | Refusal> {
  const authority = readAuthority(fleetFiles(folder).authority('fleet'))
  if (isRefusal(authority)) return authority
  const person = await certifyNewKey(authority, { identity: { kind: 'person', id: name } }, now)
  const issued = certificateFacts(person.cert)
  return isRefusal(issued) ? issued : { person, authority: authority.cert, issued }
}

/**
 * Writes a profile around a certificate, into a folder of the fleet's own folder: it is handed to the person, and taken away
 * here. Durable on return; the log has told of the certificate before.
 */
export function writeProfile(
  folder: string,
  config: FleetConfig,
  name: string,
  into: string,
  { person, authority }: Certified,
  { audit, crypto }: { readonly audit: Signer['key']; readonly crypto: Crypto },
): string {
  const at = (file: string): string => join(into, file)
  // If power fails before the last of these, there is a key without a profile, and nothing names it.
  writeWhole(at('key.pem'), person.key, 0o600)
  writeWhole(at('cert.pem'), person.cert)
  writeWhole(at('ca.pem'), authority)
  const up = into === fleetFiles(folder).profile ? '..' : '../..'
  const roots = Object.fromEntries(
    (['image', 'approval', 'director'] as const).map(repo => [repo, `${up}/roots/${repo}.root.json`]),
  )
  const profile = {
    kind: 'voltseal-profile',
    name,
    url: config.url,
    ca: 'ca.pem',
    cert: 'cert.pem',
    key: 'key.pem',
    auditKey: verifierKey(crypto, { name: config.name, key: audit }),
    roots,
  }
  writeWhole(at('profile.yaml'), stringify(profile))
  return at('profile.yaml')
}
