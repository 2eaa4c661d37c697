import { toBase64Url } from '../core/encoding/bytes.ts'
import type { JsonObject } from '../core/encoding/canonical-json.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { challengeFor } from '../core/trust/assertion.ts'
import { isPasskey } from '../core/trust/keys.ts'
import { signableBytes } from '../core/trust/read-metadata.ts'
import { accountsOf } from './admit.ts'
import { openRepository } from './keep.ts'
import { type By, nameOf } from './persons.ts'
import type { FleetWorld } from './ports.ts'

/**
 * What a page asks an authenticator for, so that its answer signs a draft: the options of `navigator.credentials.get` (WebAuthn
 * Level 3 §5.5), with user verification required. `challenge` and `credentialId` in base64url.
 */
export type AskedOfPasskey = {
  readonly keyid: string
  readonly credentialId: string
  readonly rpId: string
  readonly origin: string
  readonly challenge: string
}

/**
 * The passkeys with which this account can sign a draft: those of its keys that the approval root names. None is no fault: who
 * approves by a key of a file has none. Refuses what `accountsOf` and `openRepository` refuse.
 */
export async function askedOfPasskeys(
  world: FleetWorld,
  by: By,
  signed: JsonObject,
): Promise<readonly AskedOfPasskey[] | Refusal> {
  const accounts = await accountsOf(world)
  if (isRefusal(accounts)) return accounts
  const set = await openRepository(world, 'approval')
  if (isRefusal(set)) return set
  const own = accounts.find(({ id }) => id === nameOf(by))?.keys ?? []
  const { keys, roles } = set.root.signed
  const challenge = toBase64Url(challengeFor(signableBytes(signed), world.crypto))
  return roles.targets.keyids.flatMap(keyid => {
    const key = own.includes(keyid) ? (keys.get(keyid) ?? null) : null
    if (key === null || !isPasskey(key)) return []
    const { credentialId, rpId, origin } = key
    return [{ keyid, credentialId, rpId, origin, challenge }]
  })
}
