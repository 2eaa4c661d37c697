import { utf8 } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import type { DelegatedRole, SuccinctRoles, Target } from './metadata.ts'
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
  return { name, keyids, threshold, terminating: true, paths: null, pathHashPrefixes: [''], hardware: null }
}

/** Whether a delegated role may speak for a path (TUF 1.0.34 §5.6.7.2). */
export function speaksFor(role: DelegatedRole, path: string, crypto: Crypto): boolean {
  if (role.pathHashPrefixes !== null) return matchesHashPrefix(path, role.pathHashPrefixes, crypto)
  return (role.paths ?? []).some(pattern => matchesPattern(path, pattern))
}

/** The boards that a chain of delegations is limited to; a delegation without a limit adds none. */
export type Scopes = readonly (readonly string[])[]

/**
 * Whether a target is for boards of every scope of a chain (Uptane 2.1.0 §5.4.4.7): its custom data names a class and
 * hardware revisions, and all of them are in. A target that names no class is for no board by itself (a payload, an SBOM):
 * the envelope that names it has been through here.
 */
export function withinScopes({ custom }: Target, scopes: Scopes): boolean {
  if (scopes.length === 0 || custom === null || typeof custom !== 'object') return true
  const { class: name, hardware } = custom as { readonly class?: unknown; readonly hardware?: unknown }
  if (name === undefined && hardware === undefined) return true
  if (typeof name !== 'string' || !Array.isArray(hardware) || hardware.length === 0) return false
  const boards = hardware.map(revision => `${name}/${String(revision)}`)
  return scopes.every(scope => scope.includes(name) || boards.every(board => scope.includes(board)))
}
