import { toBase64 } from '../../core/encoding/bytes.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { StatementKey } from '../../core/trust/evidence/dsse.ts'
import { NO_POLICY, type PublishPolicy } from '../../core/trust/evidence/judge.ts'
import { isUri } from '../../core/trust/evidence/provenance.ts'
import { canSignMetadata, keyId } from '../../core/trust/keys.ts'
import type { PublishPolicyJson } from '../../wire/fleet-api.ts'
import { anchorOf } from './world.ts'

/**
 * The publish policy of a config, or of a server's answer. `where` names it. Refuses `config-malformed`: a provenance
 * statement that is demanded and that nobody in particular must have signed, a key that is not what its id says, a builder
 * that is no URI.
 */
export function publishPolicyOf(
  written: PublishPolicyJson | undefined,
  where: string,
  crypto: Crypto,
): PublishPolicy | Refusal {
  if (written === undefined) return NO_POLICY
  const { demand, builders, provenanceKeys } = written
  const wrong = (expected: string, actual: string): Refusal => refuse('config-malformed', where, expected, actual)
  if (new Set(demand).size !== demand.length) return wrong('each kind of evidence once in publish/demand', 'one twice')
  // Anybody can write a statement: one that is demanded is worth what its signature is worth.
  if (demand.includes('provenance') && provenanceKeys.length === 0) {
    return wrong('publish/provenanceKeys with a key, as provenance is demanded', 'none')
  }
  const builder = builders.find(id => !isUri(id))
  if (builder !== undefined) return wrong('URIs in publish/builders', builder.slice(0, 80))
  const keys: StatementKey[] = []
  for (const written of provenanceKeys) {
    const key = readKey(written, crypto)
    if (key === null) return wrong('keys in publish/provenanceKeys as "voltseal key show" prints them', written.kid)
    keys.push(key)
  }
  return { demand, builders, keys }
}

function readKey(written: PublishPolicyJson['provenanceKeys'][number], crypto: Crypto): StatementKey | null {
  try {
    const { kid, key } = anchorOf(written)
    return canSignMetadata(key) && keyId(key, crypto) === kid ? { kid, key } : null
  } catch {
    return null
  }
}

/** A policy as the config writes it, and as the server tells it. */
export const policyJson = ({ demand, builders, keys }: PublishPolicy): PublishPolicyJson => ({
  demand: [...demand],
  builders: [...builders],
  provenanceKeys: keys.map(({ kid, key }) => ({ kid, alg: key.alg, spki: toBase64(key.spki) })),
})
