import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { readConfig, readText } from '../../adapters/config-file.ts'
import { type Answer, type ClientTls, HttpsClient, readAnswer } from '../../adapters/link-https/client.ts'
import { utf8 } from '../../core/encoding/bytes.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { NAME } from '../../core/fleet/identity.ts'
import { maxLogFileBytes } from '../../core/ledger/tile-reader.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Repository } from '../../core/trust/ceremony-note.ts'
import type { BlobId } from '../../flows/ports.ts'
import { Profile, parseConfig } from '../../wire/config.ts'
import { routeOf } from '../../wire/fleet-routes.ts'
import type { Cli, Work } from './cli.ts'
import { readSecretFile } from './secrets.ts'
import { TrustedFolder } from './trusted-folder.ts'

/**
 * Names that a person typed, as parts of a path. Refuses `not-found` for what cannot be a name: `../x` would ask for
 * something else than it seems to.
 */
export function checkNames(what: string, ...names: readonly string[]): Refusal | null {
  if (names.every(name => NAME.test(name))) return null
  return refuse('not-found', `${what} ${names.join('/')}`, 'a name of a-z 0-9 . _ -', 'something else')
}

/** A name for something that is to be made. Refuses `usage-error` for what cannot be one. */
export function checkNew(what: string, name: string): Refusal | null {
  if (NAME.test(name)) return null
  return refuse('usage-error', `a new ${what}`, 'a name of 1 to 64 of a-z 0-9 . _ -', `"${name.slice(0, 64)}"`)
}

/** A person's connection to their fleet: who they are, whom they trust, and the calls they make. */
export type Session = {
  readonly profile: Profile
  /** The authority of the fleet, in PEM. */
  readonly ca: string
  get<T>(path: string): Promise<T | Refusal>
  /** All of a list, page by page; or its first `limit` items, and whether there are more. */
  list<T>(path: string): Promise<T[] | Refusal>
  first<T>(path: string, limit: number): Promise<{ items: T[]; more: boolean } | Refusal>
  getBytes(path: string, maxBytes: number): Promise<Uint8Array | Refusal>
  post<T>(path: string, body: unknown): Promise<T | Refusal>
  /** Takes something away. */
  delete(path: string): Promise<null | Refusal>
  /** Uploads bytes; answers when they are durable at the server. */
  put(path: string, body: Uint8Array): Promise<null | Refusal>
  /** A file of a repository, or null when there is none of that name. */
  repoFile(repo: string, path: string, maxBytes: number): Promise<Uint8Array | null | Refusal>
  /** The same below another address. */
  fileAt(folder: string, path: string, maxBytes: number): Promise<Uint8Array | null | Refusal>
  /** A file of the fleet's log below `/log/`, or null when there is none of that name. */
  logFile(path: string): Promise<Uint8Array | null | Refusal>
  /** The bytes of a published blob. */
  blob(id: BlobId): Promise<AsyncIterable<Uint8Array> | Refusal>
  /** The newest root of a repository that was verified here; before that the one that the profile pins. */
  root(repo: Repository): Uint8Array | Refusal
  /** What was verified here of a repository, and not only of its roots. */
  readonly trusted: TrustedFolder
  close(): void
}

/** Where the profile is looked for when none is named. */
const DEFAULT_PROFILE = join('fleet', 'profile', 'profile.yaml')

/** Opens a session, does the work, and closes it. */
export async function withSession(
  cli: Cli,
  named: string | undefined,
  work: (session: Session) => Promise<Work>,
): Promise<Work> {
  const session = openSession(cli, named)
  if (isRefusal(session)) return session
  try {
    return await work(session)
  } finally {
    session.close()
  }
}

/** Opens a session; whoever does so closes it. Nobody is called yet. Refuses `profile-missing` when none was named. */
export function openSession(cli: Cli, named: string | undefined): Session | Refusal {
  const path = profilePath(cli, named)
  const session = sessionOf(path, cli.world.crypto)
  return isRefusal(session) && session.code === 'file-missing' && named === undefined
    ? refuse('profile-missing', path, 'a profile (--profile FILE, or VOLTSEAL_PROFILE)', 'no such file')
    : session
}

/** Where the secret of a sign-in, or of a service's token, lies: beside the profile, for its owner alone. */
export const secretFile = (profile: string): string => join(dirname(profile), 'token')

/** The profile that is meant. */
export const profilePath = (cli: Cli, named: string | undefined): string =>
  named ?? cli.world.env.VOLTSEAL_PROFILE ?? DEFAULT_PROFILE

/** What a profile comes in with: its certificate, or else the secret beside it. Refuses `sign-in-required` without either. */
function credentialOf(profile: Profile, path: string): ClientTls | Refusal {
  const at = (name: string): string => join(dirname(path), name)
  const ca = readText(at(profile.ca), 1 << 16)
  if (isRefusal(ca)) return ca
  if (profile.cert !== undefined && profile.key !== undefined) {
    const cert = readText(at(profile.cert), 1 << 16)
    if (isRefusal(cert)) return cert
    const key = readText(at(profile.key), 1 << 16)
    return isRefusal(key) ? key : { ca, cert, key }
  }
  const bearer = readSecretFile(secretFile(path))
  if (!isRefusal(bearer)) return { ca, bearer }
  if (bearer.code !== 'file-missing') return bearer
  return refuse('sign-in-required', path, 'a certificate in the profile, or a secret beside it', 'neither')
}

function sessionOf(path: string, crypto: Crypto): Session | Refusal {
  const written = readConfig(path)
  if (isRefusal(written)) return written
  const profile = parseConfig<Profile>(Profile, written, path)
  if (isRefusal(profile)) return profile
  const at = (name: string): string => join(dirname(path), name)
  const tls = credentialOf(profile, path)
  if (isRefusal(tls)) return tls
  const client = new HttpsClient(profile.url, tls)
  const trusted = new TrustedFolder(at('trusted'), crypto)
  const fileAt: Session['fileAt'] = async (folder, path, maxBytes) => {
    const answer = await client.call('GET', `${folder}/${encodeURIComponent(path)}`, { maxBytes })
    if (!isRefusal(answer)) return answer.body
    return answer.code === 'not-found' ? null : answer
  }
  return {
    profile,
    ca: tls.ca,
    get: async path => json(await client.call('GET', path, { maxBytes: MAX_ANSWER }), path),
    list: async path => {
      const all = await listed(client, path, Number.POSITIVE_INFINITY)
      return isRefusal(all) ? all : (all.items as never[])
    },
    first: (path, limit) => listed(client, path, limit),
    getBytes: async (path, maxBytes) => {
      const answer = await client.call('GET', path, { maxBytes })
      return isRefusal(answer) ? answer : answer.body
    },
    post: async (path, body) => {
      // The same key each time: whatever became of a request whose answer was lost, it is carried out once.
      const headers = { 'content-type': 'application/json', 'idempotency-key': `"${randomUUID()}"` }
      const call = { headers, body: Buffer.from(JSON.stringify(body)), timeoutMillis: 60_000 }
      const ask = () => client.call('POST', path, call)
      // What deals in secrets is not remembered: asked again, it would be carried out again.
      const repeats = routeOf('POST', path)?.secret !== true
      return json(await (repeats ? patiently(ask) : ask()), path)
    },
    delete: async path => {
      const headers = { 'idempotency-key': `"${randomUUID()}"` }
      const ask = () => client.call('DELETE', path, { headers })
      const repeats = routeOf('DELETE', path)?.secret !== true
      const answer = await (repeats ? patiently(ask) : ask())
      return isRefusal(answer) ? answer : null
    },
    put: async (path, body) => {
      const headers = { 'content-type': 'application/octet-stream' }
      const answer = await client.call('PUT', path, { headers, body, timeoutMillis: 3_600_000 })
      return isRefusal(answer) ? answer : null
    },
    repoFile: (repo, path, maxBytes) => fileAt(`/v1/repos/${repo}`, path, maxBytes),
    fileAt,
    logFile: async path => {
      const call = { maxBytes: maxLogFileBytes(path), timeoutMillis: 60_000 }
      const answer = await patiently(() => client.call('GET', `/log/${path}`, call))
      if (!isRefusal(answer)) return answer.body
      return answer.code === 'log-tile-missing' || answer.code === 'not-found' ? null : answer
    },
    blob: ({ sha256, length }) => client.download(`/v1/blobs/${sha256}`, { from: 0, length }),
    root: repo => {
      const kept = trusted.root(repo)
      if (!isRefusal(kept)) return kept
      const pinned = profile.roots[repo]
      if (pinned === undefined) {
        return refuse('ceremony-root-missing', path, `the root of the ${repo} repository in roots`, 'none')
      }
      const text = readText(at(pinned), 1 << 20)
      return isRefusal(text) ? text : utf8(text)
    },
    trusted,
    close: () => client.close(),
  }
}

/** The largest answer that a command reads, in bytes: a page of the log, a fleet's controllers. */
const MAX_ANSWER = 64 * 1024 * 1024

/** Pauses before a request is repeated, in milliseconds. */
const PAUSES = [300, 1000, 3000]

/** Asks again when no answer came. Only for requests that may be repeated. */
async function patiently(ask: () => Promise<Answer | Refusal>): Promise<Answer | Refusal> {
  for (const pause of PAUSES) {
    const answer = await ask()
    if (!isRefusal(answer) || (answer.code !== 'not-reachable' && answer.code !== 'answer-too-slow')) return answer
    await new Promise(resolve => setTimeout(resolve, pause))
  }
  return ask()
}

/** Follows the pages of a list (RFC 8288) to its end, or until there are enough. */
async function listed<T>(
  client: HttpsClient,
  first: string,
  limit: number,
): Promise<{ items: T[]; more: boolean } | Refusal> {
  const items: T[] = []
  const page = Math.min(1000, limit)
  for (let path: string | null = `${first}${first.includes('?') ? '&' : '?'}limit=${page}`; path !== null; ) {
    if (items.length >= limit) return { items: items.slice(0, limit), more: true }
    const answer: Answer | Refusal = await client.call('GET', path, { maxBytes: MAX_ANSWER })
    const page = json<T[]>(answer, path)
    if (isRefusal(answer) || isRefusal(page)) return isRefusal(answer) ? answer : (page as Refusal)
    items.push(...page)
    const next = nextOf(answer.headers.link, first)
    if (isRefusal(next)) return next
    path = next
  }
  return { items: items.slice(0, limit), more: items.length > limit }
}

/** The page behind, null for the last one. Only within the list that was asked for: a server sends us nowhere else. */
function nextOf(link: string | string[] | undefined, list: string): string | null | Refusal {
  if (link === undefined) return null
  const next = /^<(\/v1\/[!-;=?-~]*)>; rel="next"$/.exec(`${link}`)?.[1]
  if (next !== undefined && next.split('?')[0] === list.split('?')[0]) return next
  return refuse('answer-unexpected', list, 'a Link to the next page of the list', 'another one')
}

function json<T>(answer: Answer | Refusal, path: string): T | Refusal {
  if (isRefusal(answer)) return answer
  if (answer.status === 204) return null as T
  const read = readAnswer(answer.body)
  if (read !== undefined) return read as T
  return refuse('answer-unexpected', path, 'an answer in JSON', 'something else')
}
