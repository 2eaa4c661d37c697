import type { Crypto } from '../encoding/crypto.ts'
import type { DelegatedRole } from './metadata.ts'
import { matchesHashPrefix, matchesPattern } from './target-path.ts'

/** Whether a delegated role may speak for a path (TUF 1.0.34 §5.6.7.2). */
export function speaksFor(role: DelegatedRole, path: string, crypto: Crypto): boolean {
  if (role.pathHashPrefixes !== null) return matchesHashPrefix(path, role.pathHashPrefixes, crypto)
  return (role.paths ?? []).some(pattern => matchesPattern(path, pattern))
}
