import { existsSync } from 'node:fs'
import { loadRoleKey } from '../../../adapters/signer-file.ts'
import type { Crypto } from '../../../core/encoding/crypto.ts'
import { Misfit } from '../../../core/encoding/shape.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import type { InForce } from '../../../core/trust/ceremony.ts'
import { ownerName, ownersOf } from '../../../core/trust/ceremony-note.ts'
import type { TargetsChanges } from '../../../core/trust/changed-document.ts'
import type { KeyChanges, NewKey } from '../../../core/trust/key-change.ts'
import type { RoleKey } from '../../../core/trust/keys.ts'
import { keyIdOf } from '../key-id.ts'

/** What a person asks of a ceremony, as the options of `voltseal ceremony start` say it. */
export type ChangeOptions = {
  readonly role: string
  readonly replaceKey?: readonly string[]
  readonly with?: readonly string[]
  readonly addSigner?: readonly string[]
  readonly removeSigner?: readonly string[]
  readonly threshold?: number
  readonly nameKey?: readonly string[]
  readonly delegate?: string
  readonly path?: readonly string[]
  readonly terminating?: boolean
  readonly undelegate?: readonly string[]
  readonly withdraw?: readonly string[]
  readonly renew?: boolean
}

/** Changes of the root, and of the targets; null where a document stays as it is. */
export type Asked = {
  readonly root: KeyChanges | null
  readonly targets: { readonly changes: TargetsChanges; readonly keys: KeyChanges | null } | null
}

const ROOT_ROLES = ['root', 'targets', 'snapshot', 'timestamp']

/**
 * Reads what is asked against what is in force: which document each change belongs to, and which key is meant. Refuses
 * `ceremony-key-unknown`, `ceremony-unchanged`, `usage-error`, and what reading a key refuses.
 */
export function readChanges(inForce: InForce, options: ChangeOptions, crypto: Crypto): Asked | Refusal {
  const books = booksOf(inForce)
  if (isRefusal(books)) return books
  const replacing = readPairs(options, books, crypto)
  if (isRefusal(replacing)) return replacing
  const ofRoot = ROOT_ROLES.includes(options.role)
  const book = ofRoot ? books.root : books.targets
  const role = readRole(options, book, crypto)
  if (isRefusal(role)) return role
  const { delegate, path = [], terminating = false, undelegate = [], withdraw = [], renew = false } = options
  if (delegate !== undefined && (path.length === 0 || options.role !== delegate)) {
    const expected = `--role ${delegate}, --add-signer NAME=FILE and --path PATTERN`
    return refuse('usage-error', `--delegate ${delegate}`, expected, 'not all of them')
  }
  const pairsOf = (keyids: ReadonlySet<string>) => replacing.filter(({ old }) => keyids.has(old))
  const rootPairs = pairsOf(books.root.keyids)
  const targetPairs = pairsOf(books.targets.keyids)
  const changesRole = role.add.length + role.remove.length + role.name.length > 0 || role.threshold !== null
  const root = { ...role, ...(ofRoot ? {} : NOTHING), replace: rootPairs, role: ofRoot ? options.role : 'root' }
  const rootAsked = rootPairs.length > 0 || (ofRoot && changesRole) || (renew && ofRoot)
  const keys = { ...role, replace: targetPairs }
  const keysAsked = !ofRoot && (changesRole || delegate !== undefined)
  const changes: TargetsChanges = {
    delegate: delegate === undefined ? null : { name: delegate, paths: path, terminating },
    undelegate,
    withdraw,
  }
  const targetsAsked =
    keysAsked || targetPairs.length > 0 || undelegate.length + withdraw.length > 0 || (renew && !ofRoot)
  if (!rootAsked && !targetsAsked) {
    return refuse('ceremony-unchanged', `the ${inForce.repository} repository`, 'something to change', 'nothing')
  }
  return {
    root: rootAsked ? root : null,
    targets: targetsAsked ? { changes, keys: keysAsked || targetPairs.length > 0 ? keys : null } : null,
  }
}

const NOTHING = { add: [], remove: [], threshold: null, name: [] } as const

/** The keys of one document, and whose they are. */
type Book = { readonly keyids: ReadonlySet<string>; readonly owners: ReadonlyMap<string, string> }

function booksOf({ root, targets }: InForce): { root: Book; targets: Book } | Refusal {
  const rootOwners = ownersOf(root.signed, 'root')
  if (isRefusal(rootOwners)) return rootOwners
  const targetOwners = targets === null ? new Map<string, string>() : ownersOf(targets.signed, 'targets')
  if (isRefusal(targetOwners)) return targetOwners
  // Bins are delegated to the keys of the targets themselves: those are the root's to change.
  const delegations = targets?.signed.delegations
  const named = delegations?.succinct == null ? [...(delegations?.keys.keys() ?? [])] : []
  return {
    root: { keyids: new Set(root.signed.keys.keys()), owners: rootOwners },
    targets: { keyids: new Set(named), owners: targetOwners },
  }
}

function readPairs(options: ChangeOptions, books: { root: Book; targets: Book }, crypto: Crypto) {
  const [olds, news] = [options.replaceKey ?? [], options.with ?? []]
  if (olds.length !== news.length) {
    return refuse(
      'usage-error',
      '--replace-key',
      'one --with for each --replace-key',
      `${news.length} of ${olds.length}`,
    )
  }
  const both: Book = {
    keyids: books.root.keyids.union(books.targets.keyids),
    owners: new Map([...books.targets.owners, ...books.root.owners]),
  }
  const pairs: { old: string; by: NewKey }[] = []
  for (const [index, text] of olds.entries()) {
    const old = resolve(text, both, crypto)
    if (isRefusal(old)) return old
    const by = newKey(news[index] as string, crypto)
    if (isRefusal(by)) return by
    pairs.push({ old, by })
  }
  return pairs
}

function readRole(options: ChangeOptions, book: Book, crypto: Crypto): Omit<KeyChanges, 'replace'> | Refusal {
  const add: NewKey[] = []
  for (const text of options.addSigner ?? []) {
    const key = newKey(text, crypto)
    if (isRefusal(key)) return key
    if (key.owner === null) return refuse('usage-error', `--add-signer ${text}`, 'NAME=FILE', 'no name')
    add.push(key)
  }
  const remove: string[] = []
  for (const text of options.removeSigner ?? []) {
    const keyid = resolve(text, book, crypto)
    if (isRefusal(keyid)) return keyid
    remove.push(keyid)
  }
  const name: { keyid: string; owner: string }[] = []
  for (const text of options.nameKey ?? []) {
    const [, owner, which] = /^([^=]+)=(.+)$/s.exec(text) ?? []
    if (owner === undefined || which === undefined) return refuse('usage-error', `--name-key ${text}`, 'NAME=KEY', text)
    const keyid = resolve(which, book, crypto)
    if (isRefusal(keyid)) return keyid
    const named = checkOwner(owner)
    if (isRefusal(named)) return named
    name.push({ keyid, owner: named })
  }
  return { add, remove, name, threshold: options.threshold ?? null, role: options.role }
}

/** `NAME=FILE` or `FILE`: a public key that comes in. */
function newKey(text: string, crypto: Crypto): NewKey | Refusal {
  const [, owner, path] = /^(?:([^=/]+)=)?(.+)$/s.exec(text) ?? []
  const key = loadRoleKey(path ?? text)
  if (isRefusal(key)) return key
  const fit = signs(key, path ?? text, crypto)
  if (fit !== null) return fit
  if (owner === undefined) return { key, owner: null }
  const named = checkOwner(owner)
  return isRefusal(named) ? named : { key, owner: named }
}

function signs(key: RoleKey, path: string, crypto: Crypto): null | Refusal {
  const id = keyIdOf(key, path, crypto)
  return isRefusal(id) ? id : null
}

function checkOwner(text: string): string | Refusal {
  const read = ownerName(text, '')
  return read instanceof Misfit ? refuse('usage-error', 'a holder’s name', read.expected, read.actual) : read
}

/** The key that somebody means: by its holder's name, by its id or the beginning of it, by its `.pub` file. */
function resolve(text: string, { keyids, owners }: Book, crypto: Crypto): string | Refusal {
  const named = [...owners].filter(([, owner]) => owner === text).map(([keyid]) => keyid)
  const begun = /^[0-9a-f]{8,64}$/.test(text) ? [...keyids].filter(keyid => keyid.startsWith(text)) : []
  const found = new Set([...named, ...begun])
  if (found.size === 1) return [...found][0] as string
  if (found.size > 1) return refuse('ceremony-key-unknown', text, 'one key', `${found.size} keys`)
  if (!existsSync(text)) return refuse('ceremony-key-unknown', text, 'a key id, a holder, or a .pub file', 'none')
  const key = loadRoleKey(text)
  if (isRefusal(key)) return key
  const keyid = keyIdOf(key, text, crypto)
  if (isRefusal(keyid)) return keyid
  return keyids.has(keyid)
    ? keyid
    : refuse('ceremony-key-unknown', text, 'a key of the repository', `key ${keyid.slice(0, 16)}`)
}
