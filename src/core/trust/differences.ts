import { fromUtf8, sameBytes } from '../encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../encoding/canonical-json.ts'
import { NOTE, OWNERS } from './ceremony-note.ts'

/**
 * One thing that a document says otherwise than the one before. `before` is null for what is new, `after` for what is
 * gone. `known` is false for what this program has no word for: it is shown as it stands, never left out.
 */
export type Difference = {
  readonly what: string
  readonly before: string | null
  readonly after: string | null
  readonly known: boolean
}

/** Whose a key is, for people: the name that the document gives it, beside the beginning of its id. */
export function keyName(keyid: string, owners: ReadonlyMap<string, string>): string {
  const owner = owners.get(keyid)
  return owner === undefined ? keyid.slice(0, 16) : `${owner} (${keyid.slice(0, 16)})`
}

type Names = { readonly before: ReadonlyMap<string, string>; readonly after: ReadonlyMap<string, string> }
type Walk = { readonly names: Names; readonly out: Difference[] }

/**
 * Everything that two `signed` objects say differently, member by member, whatever the members are: first what has a word
 * of its own, always in the same order, however a document orders its members. The note of the ceremony is left to the
 * caller, who shows all of it. Two objects without a difference are equal but for that note.
 */
export function differences(before: JsonObject, after: JsonObject, names: Names): readonly Difference[] {
  const walk: Walk = { names, out: [] }
  const members = membersOf(before, after)
  // What has no word comes first: whoever stops reading has seen it.
  const unknown = [...members].filter(name => TOP[name] === undefined)
  for (const name of [...unknown, ...Object.keys(TOP).filter(known => members.has(known))]) {
    if (name === NOTE) continue
    const step = TOP[name]
    if (step === undefined) say(walk, `member ${quote(name)}`, at(before, name), at(after, name), false)
    else step(walk, at(before, name), at(after, name))
  }
  return walk.out
}

type Step = (walk: Walk, before: Json | undefined, after: Json | undefined) => void

const scalar =
  (what: string): Step =>
  (walk, before, after) =>
    say(walk, what, before, after, true)

/** The members that have a word of their own; each of them looks at all that is in it. */
const TOP: Readonly<Record<string, Step>> = Object.assign(Object.create(null), {
  _type: scalar('type'),
  spec_version: scalar('version of the specification'),
  version: scalar('version'),
  expires: scalar('expires'),
  site: scalar('site'),
  consistent_snapshot: scalar('consistent snapshots'),
  roles: rolesStep,
  delegations: delegationsStep,
  targets: targetsStep,
  keys: keysStep(''),
  [OWNERS]: ownersStep,
} satisfies Record<string, Step>)

function keysStep(of: string): Step {
  return (walk, before, after) => {
    for (const keyid of membersOf(before, after)) {
      const [was, is] = [at(before, keyid), at(after, keyid)]
      if (same(was, is)) continue
      const text = (key: Json | undefined): string | null => (key === undefined ? null : keyText(key))
      walk.out.push({ what: `${of}key ${keyid}`, before: text(was), after: text(is), known: true })
    }
  }
}

/** A key by its kind, since its id is the digest of the rest; what else stands in its object is shown as it is. */
function keyText(key: Json): string {
  if (!isObject(key)) return json(key)
  const { keytype, scheme, keyval, ...more } = key
  const { public: publicKey, ...inside } = isObject(keyval) ? keyval : { public: null }
  if (typeof scheme !== 'string' || typeof keytype !== 'string' || typeof publicKey !== 'string') return json(key)
  const { rpId, origin, credentialId, ...others } = inside
  // A passkey answers to the pages of one origin: whoever lets it in must see which.
  const isPasskey = scheme === 'webauthn-es256' && isTexts([rpId ?? null, origin ?? null, credentialId ?? null])
  if (isPasskey && Object.keys(others).length + Object.keys(more).length === 0) {
    return `${scheme} at ${json(origin)} (${json(rpId)}), credential ${json(credentialId)}`
  }
  const unknown = { ...more, ...(Object.keys(inside).length === 0 ? {} : { keyval: inside }) }
  return Object.keys(unknown).length === 0 ? scheme : `${scheme}, with ${json(unknown)}`
}

function rolesStep(walk: Walk, before: Json | undefined, after: Json | undefined): void {
  for (const name of membersOf(before, after)) roleStep(walk, name, at(before, name), at(after, name))
}

function roleStep(walk: Walk, name: string, before: Json | undefined, after: Json | undefined): void {
  if (before === undefined || after === undefined || !isObject(before) || !isObject(after)) {
    say(walk, `role ${quote(name)}`, before, after, true)
    return
  }
  for (const member of membersOf(before, after)) {
    const [was, is] = [at(before, member), at(after, member)]
    if (member === 'keyids') keyidsStep(walk, name, was, is)
    else if (member === 'threshold') say(walk, `${name}: signatures needed`, was, is, true)
    else if (member === 'paths') listStep(walk, `${name}: path`, was, is, quote)
    else say(walk, `${name}: ${quote(member)}`, was, is, member === 'terminating')
  }
}

function keyidsStep(walk: Walk, role: string, before: Json | undefined, after: Json | undefined): void {
  const { names } = walk
  listStep(walk, `${role}: signer`, before, after, (id, side) => keyName(id, names[side]))
}

/** What came into a list and what went; when that is nothing and the lists still differ, their order. */
function listStep(
  walk: Walk,
  what: string,
  before: Json | undefined,
  after: Json | undefined,
  name: (item: string, side: 'before' | 'after') => string,
): void {
  if (same(before, after)) return
  if (!isTexts(before) || !isTexts(after)) {
    say(walk, what, before, after, true)
    return
  }
  const [was, is] = [new Set(before), new Set(after)]
  const gone = before.filter(item => !is.has(item))
  const come = after.filter(item => !was.has(item))
  for (const item of gone) walk.out.push({ what, before: name(item, 'before'), after: null, known: true })
  for (const item of come) walk.out.push({ what, before: null, after: name(item, 'after'), known: true })
  const stayed = (list: readonly string[], other: ReadonlySet<string>): string =>
    list.filter(i => other.has(i)).join(', ')
  const [left, right] = [stayed(before, is), stayed(after, was)]
  if (left !== right) walk.out.push({ what: `${what}, the order`, before: left, after: right, known: true })
}

function ownersStep(walk: Walk, before: Json | undefined, after: Json | undefined): void {
  for (const keyid of membersOf(before, after)) {
    say(walk, `name of key ${keyid.slice(0, 16)}`, at(before, keyid), at(after, keyid), true)
  }
}

function targetsStep(walk: Walk, before: Json | undefined, after: Json | undefined): void {
  for (const path of membersOf(before, after))
    say(walk, `target ${quote(path)}`, at(before, path), at(after, path), true)
}

function delegationsStep(walk: Walk, before: Json | undefined, after: Json | undefined): void {
  const [was, is] = [rolesByName(before), rolesByName(after)]
  for (const name of membersOf(before, after)) {
    const [left, right] = [at(before, name), at(after, name)]
    if (name === 'keys') keysStep('delegated ')(walk, left, right)
    else if (name === 'succinct_roles') roleStep(walk, 'hash bins', left, right)
    else if (name !== 'roles' || was === null || is === null)
      say(walk, `delegations: ${quote(name)}`, left, right, false)
  }
  if (was === null || is === null) return
  const order = [...was.keys()]
  const next = [...is.keys()]
  for (const name of new Set([...order, ...next])) {
    const [left, right] = [was.get(name), is.get(name)]
    if (left !== undefined && right !== undefined) roleStep(walk, `delegation ${name}`, left, right)
    else
      walk.out.push({
        what: `delegation ${quote(name)}`,
        before: roleText(left, walk.names.before),
        after: roleText(right, walk.names.after),
        known: true,
      })
  }
  // Priority is the order of the list: a role that stands earlier is asked earlier.
  const kept = (names: readonly string[], other: ReadonlyMap<string, JsonObject>) =>
    names.filter(n => other.has(n)).join(', ')
  const [left, right] = [kept(order, is), kept(next, was)]
  if (left !== right) walk.out.push({ what: 'delegations, the order', before: left, after: right, known: true })
}

/** A whole delegation in words; what has no word follows as it stands. */
function roleText(role: JsonObject | undefined, owners: ReadonlyMap<string, string>): string | null {
  if (role === undefined) return null
  const { name: _, keyids, threshold, paths, terminating, ...more } = role
  if (!isTexts(keyids) || !isTexts(paths)) return json(role)
  const people = keyids.map(id => keyName(id, owners)).join(', ')
  const end = terminating === true ? ', terminating' : terminating === false ? '' : `, terminating ${json(terminating)}`
  const rest = Object.keys(more).length === 0 ? '' : `, with ${json(more)}`
  return `${json(threshold)} of ${people}; paths ${paths.map(quote).join(' ')}${end}${rest}`
}

/** The roles of `delegations` by name; null when they are no such list, or a name stands twice. */
function rolesByName(delegations: Json | undefined): ReadonlyMap<string, JsonObject> | null {
  if (delegations === undefined) return new Map()
  const roles = at(delegations, 'roles')
  if (roles === undefined && at(delegations, 'succinct_roles') !== undefined) return new Map()
  if (!Array.isArray(roles)) return null
  const named = new Map<string, JsonObject>()
  for (const role of roles as readonly Json[]) {
    if (!isObject(role) || typeof role.name !== 'string' || named.has(role.name)) return null
    named.set(role.name, role)
  }
  return named
}

function say(walk: Walk, what: string, before: Json | undefined, after: Json | undefined, known: boolean): void {
  if (same(before, after)) return
  walk.out.push({
    what,
    before: before === undefined ? null : json(before),
    after: after === undefined ? null : json(after),
    known,
  })
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTexts = (value: Json | undefined): value is readonly string[] =>
  Array.isArray(value) && value.every(item => typeof item === 'string')

const at = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined

function membersOf(before: Json | undefined, after: Json | undefined): Set<string> {
  return new Set([before, after].flatMap(value => (isObject(value) ? Object.keys(value) : [])))
}

const same = (a: Json | undefined, b: Json | undefined): boolean =>
  a === undefined || b === undefined ? a === b : sameBytes(canonicalJson(a), canonicalJson(b))

/** A text as it stands when it is plain, in JSON's spelling otherwise: control characters must not steer a terminal. */
const quote = (value: string): string => (/^[\x21-\x7e]+$/.test(value) ? value : JSON.stringify(value))

const json = (value: Json | undefined): string =>
  value === undefined ? 'nothing' : typeof value === 'string' ? quote(value) : (fromUtf8(canonicalJson(value)) ?? '')
