import type { Crypto } from '../encoding/crypto.ts'
import type { Instant } from '../encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { binOf, type Scopes, speaksFor, withinScopes } from './delegation.ts'
import type { DelegatedRole, Document, Target, Targets } from './metadata.ts'
import { type FileAnswer, type FileRequest, must, request } from './refresh.ts'
import { type CurrentSet, readDelegated, stillCurrent } from './trusted-set.ts'

/** Delegated roles that one search visits at most. */
export const MAX_DELEGATIONS = 32

/** What a search found: the target, or null when no role speaks of it; and the set with the files that it read. */
export type Found = { readonly set: CurrentSet; readonly target: Target | null }

/** A delegated role, and the targets that delegate to it. */
export type Visit = { readonly delegator: Targets; readonly role: DelegatedRole }

/** A role that waits for its visit, and the boards that the chain down to it is for. */
type Waiting = Visit & { readonly scopes: Scopes }

/**
 * Looks a target up (TUF 1.0.34 §5.6.7): top-level targets first, then delegated roles in preorder and in the order that
 * the delegator lists them; a terminating role that speaks for the path ends the search; no role is visited twice. What
 * a role says of boards that it was not given is passed over. A driver answers the requests as in `refresh`. Refuses as
 * `readDelegated` does, `metadata-missing`, `metadata-expired`, `delegations-too-many`.
 */
export function* findTarget(
  set: CurrentSet,
  path: string,
  now: Instant,
  crypto: Crypto,
): Generator<FileRequest, Found | Refusal, FileAnswer> {
  const expired = stillCurrent(set, now)
  if (expired !== null) return expired
  const own = set.targets.signed.targets.get(path)
  if (own !== undefined) return { set, target: own }
  const delegated = new Map(set.delegated)
  const visited = new Set<string>()
  let waiting = delegationsFor(set.targets.signed, path, [], crypto)
  while (waiting.length > 0) {
    const [next, ...rest] = waiting as [Waiting, ...Waiting[]]
    waiting = rest
    if (visited.has(next.role.name)) {
      if (next.role.terminating) waiting = []
      continue
    }
    if (visited.size === MAX_DELEGATIONS) {
      const subject = `${set.repo}: ${path}`
      return refuse('delegations-too-many', subject, `at most ${MAX_DELEGATIONS} delegated roles`, 'more')
    }
    visited.add(next.role.name)
    const document = yield* fetchDelegated({ ...set, delegated }, next, now, crypto)
    if (isRefusal(document)) return document
    delegated.set(next.role.name, document)
    const target = document.signed.targets.get(path)
    if (target !== undefined && withinScopes(target, next.scopes)) return { set: { ...set, delegated }, target }
    const below = delegationsFor(document.signed, path, next.scopes, crypto)
    waiting = next.role.terminating ? below : [...below, ...waiting]
  }
  return { set: { ...set, delegated }, target: null }
}

/** The delegations of a role that speak for a path, up to and including the first that is terminating. */
function delegationsFor(delegator: Targets, path: string, above: Scopes, crypto: Crypto): Waiting[] {
  const { roles: named = [], succinct = null } = delegator.delegations ?? {}
  if (succinct !== null) return [{ delegator, role: binOf(succinct, path, crypto), scopes: above }]
  const roles = named.filter(role => speaksFor(role, path, crypto))
  const last = roles.findIndex(role => role.terminating)
  return (last < 0 ? roles : roles.slice(0, last + 1)).map(role => {
    return { delegator, role, scopes: role.hardware === null ? above : [...above, role.hardware] }
  })
}

/** The file of a delegated role: the stored one when it still fits, else a new one. Refuses as `readDelegated`. */
export function* fetchDelegated(
  set: CurrentSet,
  { delegator, role }: Visit,
  now: Instant,
  crypto: Crypto,
): Generator<FileRequest, Document<Targets> | Refusal, FileAnswer> {
  const stored = set.delegated.get(role.name)
  if (stored !== undefined) {
    const reused = readDelegated(set, delegator, role, stored.bytes, now, crypto)
    if (!isRefusal(reused)) return reused
  }
  const meta = set.snapshot.signed.meta.get(role.name)
  if (meta === undefined) return readDelegated(set, delegator, role, new Uint8Array(), now, crypto)
  const bytes = yield* must(set, request(set, role.name, meta))
  return isRefusal(bytes) ? bytes : readDelegated(set, delegator, role, bytes, now, crypto)
}
