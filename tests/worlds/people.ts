import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { World } from '../../sim/doors/world.ts'
import { readConfig } from '../../src/adapters/config-file.ts'
import { type Answer, type ClientTls, HttpsClient } from '../../src/adapters/link-https/client.ts'
import { fromBase64, fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { type AuditEntry, parseEntry } from '../../src/core/ledger/entry.ts'
import { pseudonymsOf, withNames } from '../../src/core/ledger/pseudonym.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import {
  type AuditPage,
  type CampaignControllerView,
  type CampaignSummary,
  type CampaignView,
  MOST_PEOPLE,
  type PeopleView,
} from '../../src/wire/fleet-views.ts'
import { refusalOf } from '../../src/wire/problem.ts'
import { commandLine } from './command-line.ts'
import { checkAnswer } from './contract.ts'
import { asDescribed } from './described.ts'

/** How a command line ended: its exit code, what it printed, and the refusal that it printed, if it was one. */
export type Ended = {
  readonly exit: number
  readonly json: unknown
  readonly said: string
  readonly refusal: Refusal | null
}

export type Manner = {
  /** How far the clock of the machine is off, in milliseconds. */
  readonly skew?: number
  readonly profile?: string
}

/** Runs a command line in this process as the administrator of a world; `manner` changes the machine that it runs on. */
export async function voltseal(world: World, argv: readonly string[], manner: Manner = {}): Promise<Ended> {
  const { exit, out, err } = await commandLine([...argv, '--json'], {
    env: { VOLTSEAL_PROFILE: manner.profile ?? world.at('fleet', 'profile', 'profile.yaml') },
    clock: { now: () => instant(Date.now() + (manner.skew ?? 0)), quality: 'simulated' },
  })
  const json: unknown = out === '' ? null : JSON.parse(out)
  return { exit, json, said: err, refusal: refusalOf(json) }
}

/** The certificate of the administrator, of a gateway's folder, or of one of its controllers, with whom it trusts. */
export const tls = {
  administrator: (world: World): ClientTls => {
    const at = (name: string): string => readFileSync(world.at('fleet', 'profile', name), 'utf8')
    return { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') }
  },
  /** Who comes in with a profile's certificate. */
  profile: (path: string): ClientTls => {
    const at = (name: string): string => readFileSync(join(dirname(path), name), 'utf8')
    return { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') }
  },
  gateway: (folder: string): ClientTls => {
    const issued = JSON.parse(readFileSync(join(folder, 'issued.json'), 'utf8'))
    return {
      ca: issued.fleet.ca,
      cert: issued.gateway.cert,
      key: readFileSync(join(folder, 'keys', 'call.pem'), 'utf8'),
    }
  },
  controller: (world: World, id: string): ClientTls => {
    const issued = JSON.parse(readFileSync(world.at('site', 'issued.json'), 'utf8'))
    const element = JSON.parse(readFileSync(world.at('site', 'controllers', id, 'element.json'), 'utf8'))
    return { ca: issued.siteCa, cert: issued.controllers[id].cert, key: element.identityKeyPem ?? element.identityKey }
  },
}

export const fleetUrl = (world: World): string => `https://${world.host}:8443`
export const gatewayUrl = (world: World): string => `https://${world.host}:8444`

const FLEET_PORT = ':8443'

/** One call with a certificate; the connection is closed after it. What a fleet server answers is as its API says. */
export async function call(
  origin: string,
  as: ClientTls,
  method: string,
  path: string,
  body?: Uint8Array | object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer | Refusal> {
  const client = new HttpsClient(origin, as)
  const bytes = body instanceof Uint8Array ? body : body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const type = body instanceof Uint8Array ? 'application/octet-stream' : 'application/json'
  try {
    const answer = await client.call(method, path, {
      headers: { ...(bytes === undefined ? {} : { 'content-type': type }), ...headers },
      ...(bytes === undefined ? {} : { body: bytes }),
    })
    return origin.endsWith(FLEET_PORT) ? checkAnswer(method, path, answer) : answer
  } finally {
    client.close()
  }
}

/** The administrator's own connection to each world: looking is cheap then. It ends with the server. */
const clients = new WeakMap<World, HttpsClient>()

function administrator(world: World): HttpsClient {
  const client = clients.get(world) ?? new HttpsClient(fleetUrl(world), tls.administrator(world))
  clients.set(world, client)
  return client
}

/** The JSON that the fleet server answers the administrator with. */
export async function ask<T>(world: World, path: string): Promise<T> {
  const answer = checkAnswer('GET', path, orThrow(await administrator(world).call('GET', path, { maxBytes: 1 << 24 })))
  return JSON.parse(fromUtf8(answer.body) ?? '') as T
}

/** A campaign with its controllers, by wave. */
export async function askCampaign(world: World, id: string): Promise<CampaignView> {
  const summary = await ask<CampaignSummary>(world, `/v1/campaigns/${id}`)
  const turns = await ask<CampaignControllerView[]>(world, `/v1/campaigns/${id}/controllers?limit=1000`)
  return { ...summary, controllers: turns.sort((a, b) => a.wave - b.wave) }
}

/** The whole audit log, with names for the pseudonyms: the administrator may read them. */
export async function log(world: World): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for (;;) {
    const to = entries.length + 1000
    const path = `/v1/audit/entries?from=${entries.length}&to=${to}`
    const page = await ask<AuditPage>(world, path)
    for (const { bytes } of page.entries) entries.push(asDescribed(orThrow(parseEntry(fromBase64(bytes)!, 'an entry'))))
    if (page.entries.length < 1000) return withPeople(world, entries)
  }
}

/** Entries with names for the pseudonyms. */
async function withPeople(world: World, entries: readonly AuditEntry[]): Promise<AuditEntry[]> {
  const asked = [...new Set(entries.flatMap(entry => [...pseudonymsOf(entry)]))]
  const names = new Map<string, string>()
  for (let at = 0; at < asked.length; at += MOST_PEOPLE) {
    const of = asked.slice(at, at + MOST_PEOPLE).join(',')
    for (const [one, name] of Object.entries(await ask<PeopleView>(world, `/v1/audit/people?of=${of}`)))
      names.set(one, name)
  }
  return entries.map(entry => withNames(entry, names))
}

/** Everything that a fleet server would show of what is published, planned and ordered: equal before and after a refusal. */
export async function standing(world: World): Promise<object> {
  const file = (answer: Answer | Refusal): string => (isRefusal(answer) ? answer.code : (fromUtf8(answer.body) ?? ''))
  const timestamp = async (repo: string): Promise<string> =>
    file(await administrator(world).call('GET', `/v1/repos/${repo}/timestamp.json`))
  const asGateway = tls.gateway(world.at('gateway'))
  const [image, approval, director, releases, campaigns, controllers] = await Promise.all([
    timestamp('image'),
    timestamp('approval'),
    call(fleetUrl(world), asGateway, 'GET', '/v1/repos/director/timestamp.json').then(file),
    ask(world, '/v1/releases'),
    ask(world, '/v1/campaigns'),
    ask(world, '/v1/controllers'),
  ])
  return { image, approval, director, releases, campaigns, controllers }
}

/** Reads a YAML or JSON file of a world. */
export const configOf = (path: string): Record<string, unknown> => orThrow(readConfig(path)) as Record<string, unknown>
