import { type Refusal, refuse } from '../refusal/refusal.ts'
import { fromUtf8, utf8 } from './bytes.ts'

/**
 * The name of a key in a token, as RFC 7512 writes it: `pkcs11:token=Release;object=bms?module-path=/usr/lib/module.so`.
 * What is given must match, what is not given may be anything. `id` is in bytes, all else is text.
 */
export type Pkcs11Uri = {
  readonly token?: string
  readonly manufacturer?: string
  readonly model?: string
  readonly serial?: string
  readonly slotId?: number
  readonly object?: string
  readonly id?: Uint8Array
  /** The PKCS#11 module: an absolute path of a shared library. */
  readonly modulePath: string
  /** The file that the PIN is read from: an absolute path. Without it the PIN is asked for. */
  readonly pinSource?: string
}

const SCHEME = 'pkcs11:'
const MAX_URI = 8192
/**
 * The octets of a value: labels as long as a token has room for them (PKCS #11 v3.1 §3.3, CK_TOKEN_INFO), and other names and
 * paths. With every octet written by its number a reference of them all is still within `MAX_URI`: what is read can be
 * written and read again.
 */
const MAX_OCTETS: Readonly<Record<string, number>> = {
  token: 32,
  manufacturer: 32,
  model: 16,
  serial: 16,
  object: 255,
  id: 255,
  'slot-id': 10,
  type: 16,
}
const MAX_PATH = 1024
const CLAUSE = 'RFC 7512 §2.3'

/** Whether a reference to a key means a token; else it is a file's path. */
export const isPkcs11Uri = (reference: string): boolean => reference.slice(0, SCHEME.length).toLowerCase() === SCHEME

const TEXTS = ['token', 'manufacturer', 'model', 'serial', 'object'] as const
type TextName = (typeof TEXTS)[number]
const PATH_NAMES: readonly string[] = [...TEXTS, 'id', 'slot-id', 'type']
const QUERY_NAMES: readonly string[] = ['module-path', 'pin-source', 'pin-value']
/** Characters of a value: unreserved, those that RFC 7512 adds for either part, and octets by their number. */
const PATH_VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*$/
const QUERY_VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*$/

/**
 * Reads a reference to a key in a token. Narrower than the RFC: an attribute that is not known here is refused and not
 * passed over, since it could be the one that tells two keys apart; a PIN in the reference is refused, since everybody
 * on the machine can read a command line; a PIN is never fetched by a command.
 * No refusal shows a value of the query, or of a name that has no place in the path.
 *
 * Refuses `key-uri-malformed` and `key-uri-with-pin`.
 */
export function parsePkcs11Uri(reference: string): Pkcs11Uri | Refusal {
  // As much as may be long is looked at for its name, before it is known to be within the limit.
  const subject = namesOnly(reference.slice(0, MAX_URI))
  const malformed = (expected: string, actual: string): Refusal =>
    refuse('key-uri-malformed', subject, expected, actual, CLAUSE)
  if (!isPkcs11Uri(reference)) return malformed('pkcs11: at the beginning', 'something else')
  if (reference.length > MAX_URI) return malformed(`at most ${MAX_URI} characters`, `${reference.length}`)
  // Before anything else is said of it: a PIN that was written here is known to whoever saw the command line.
  if (/[:;?&]pin-value/i.test(reference)) {
    return refuse('key-uri-with-pin', subject, 'pin-source=file:PATH, or no PIN', 'pin-value', 'RFC 7512 §4')
  }
  const split = reference.indexOf('?')
  const path = reference.slice(SCHEME.length, split < 0 ? undefined : split)
  const parts = [
    { items: path.split(';'), names: PATH_NAMES, value: PATH_VALUE },
    { items: split < 0 ? [] : reference.slice(split + 1).split('&'), names: QUERY_NAMES, value: QUERY_VALUE },
  ]
  const found = new Map<string, Uint8Array>()
  for (const { items, names, value: allowed } of parts) {
    for (const item of items) {
      if (item === '') continue
      const [, name = '', value = ''] = /^([a-z-]+)=(.*)$/s.exec(item) ?? []
      if (!names.includes(name)) return malformed(names.filter(one => one !== 'pin-value').join(', '), named(name))
      if (found.has(name)) return malformed(`${name} once`, 'twice')
      if (!allowed.test(value)) return malformed(`a value of ${name} that is percent-encoded`, 'another character')
      const bytes = octets(value)
      const most = MAX_OCTETS[name] ?? MAX_URI
      if (bytes.length > most) return malformed(`${name} of at most ${most} bytes`, `${bytes.length}`)
      found.set(name, bytes)
    }
  }
  const texts = new Map<string, string>()
  for (const [name, bytes] of found) {
    if (name === 'id') continue
    const text = fromUtf8(bytes)
    if (text === null || text === '' || /\p{Cc}/u.test(text)) return malformed(`${name} in UTF-8`, 'something else')
    texts.set(name, text)
  }
  return read(texts, found.get('id'), malformed)
}

function read(
  texts: ReadonlyMap<string, string>,
  id: Uint8Array | undefined,
  malformed: (expected: string, actual: string) => Refusal,
): Pkcs11Uri | Refusal {
  const type = texts.get('type')
  if (type !== undefined && type !== 'private') return malformed('type=private', `type=${type}`.slice(0, 40))
  if (id?.length === 0) return malformed('an id of at least one byte', 'none')
  const slot = texts.get('slot-id')
  if (slot !== undefined && !/^\d{1,10}$/.test(slot)) return malformed('slot-id in digits', 'something else')
  const modulePath = texts.get('module-path')
  if (modulePath === undefined) return malformed('?module-path=/path/of/the/module.so', 'none')
  if (!modulePath.startsWith('/')) return malformed('an absolute module-path', 'another one')
  const written = texts.get('pin-source')
  const pinSource = written?.replace(/^file:(?:\/\/(?=\/))?/, '')
  if (pinSource !== undefined && !pinSource.startsWith('/')) return malformed('pin-source=file:/PATH', 'something else')
  const long = [modulePath, pinSource].find(one => one !== undefined && utf8(one).length > MAX_PATH)
  if (long !== undefined) return malformed(`a path of at most ${MAX_PATH} bytes`, `${utf8(long).length}`)
  return {
    ...(Object.fromEntries(TEXTS.flatMap(name => (texts.has(name) ? [[name, texts.get(name)]] : []))) as {
      [Name in TextName]?: string
    }),
    ...(slot === undefined ? {} : { slotId: Number(slot) }),
    ...(id === undefined ? {} : { id }),
    modulePath,
    ...(pinSource === undefined ? {} : { pinSource }),
  }
}

/** The reference without its query: what refusals and logs show. It says which key, and nothing of modules and PINs. */
export function shownUri(uri: Pkcs11Uri): string {
  const parts = TEXTS.flatMap(name => (uri[name] === undefined ? [] : [`${name}=${escaped(uri[name])}`]))
  if (uri.slotId !== undefined) parts.push(`slot-id=${uri.slotId}`)
  if (uri.id !== undefined) parts.push(`id=${escapedId(uri.id)}`)
  return `${SCHEME}${parts.join(';')}`
}

/** A reference to another object of the same token, with the same module and the same source of the PIN. */
export function siblingUri(uri: Pkcs11Uri, object: { readonly object?: string; readonly id?: Uint8Array }): string {
  const { object: _, id: __, ...token } = uri
  const query = [`module-path=${escapedPath(uri.modulePath)}`]
  if (uri.pinSource !== undefined) query.push(`pin-source=file:${escapedPath(uri.pinSource)}`)
  return `${shownUri({ ...token, ...object })}?${query.join('&')}`
}

const escapedId = (id: Uint8Array): string => id.toHex().replaceAll(/../g, '%$&').toUpperCase()

const escaped = (text: string): string =>
  encodeURIComponent(text).replaceAll(/['()*!]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

/** A reference that has not been read: its path, with the values of names that belong there. */
function namesOnly(reference: string): string {
  const items = (reference.slice(SCHEME.length).split('?')[0] as string).split(';')
  const shown = items.map(item => (PATH_NAMES.includes(item.split('=')[0] as string) ? item : '…')).join(';')
  return `${SCHEME}${shown.length > 80 ? `${shown.slice(0, 79)}…` : shown}`
}

/** In the query a slash stands for itself. */
const escapedPath = (path: string): string => escaped(path).replaceAll('%2F', '/')

const named = (name: string): string => (name === '' ? 'something else' : name.slice(0, 40))

/** The octets of a value whose characters have been checked: ASCII, and percent-encoded octets. */
function octets(value: string): Uint8Array {
  const bytes: number[] = []
  for (let at = 0; at < value.length; at += 1) {
    const percent = value[at] === '%'
    bytes.push(percent ? Number.parseInt(value.slice(at + 1, at + 3), 16) : value.charCodeAt(at))
    if (percent) at += 2
  }
  return Uint8Array.from(bytes)
}
