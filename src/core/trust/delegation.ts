import { utf8 } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { DelegatedRole, SuccinctRoles } from './metadata.ts'
import { matchesHashPrefix, matchesPattern } from './target-path.ts'

/** The hash bin of a path (TAP 15): its number is the first bits of the path's SHA-256, its name has it in hex. */
export function binOf(bins: SuccinctRoles, path: string, crypto: Crypto): DelegatedRole {
  const { bitLength, prefix } = bins
  const [a = 0, b = 0, c = 0, d = 0] = crypto.sha256(utf8(path))
  const number = (a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) / 2 ** (32 - bitLength)
  const digits = Math.ceil(bitLength / 4)
  return binNamed(bins, `${prefix}-${Math.floor(number).toString(16).padStart(digits, '0')}`)
}

/** A bin by its name, as a delegated role. */
export function binNamed({ keyids, threshold }: SuccinctRoles, name: string): DelegatedRole {
  return { name, keyids, threshold, terminating: true, paths: null, pathHashPrefixes: [''] }
}

/** Whether a delegated role may speak for a path (TUF 1.0.34 §5.6.7.2). */
export function speaksFor(role: DelegatedRole, path: string, crypto: Crypto): boolean {
  if (role.pathHashPrefixes !== null) return matchesHashPrefix(path, role.pathHashPrefixes, crypto)
  return (role.paths ?? []).some(pattern => matchesPattern(path, pattern))
}
