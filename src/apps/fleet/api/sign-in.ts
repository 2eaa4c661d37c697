import type { FastifyRequest } from 'fastify'
import { type HttpsServer, peer } from '../../../adapters/http-server.ts'
import { ALGORITHMS } from '../../../adapters/passkeys-webauthn.ts'
import { toBase64Url } from '../../../core/encoding/bytes.ts'
import { plainText } from '../../../core/encoding/plain-text.ts'
import { ownPath } from '../../../core/fleet/own-path.ts'
import type { Passkey } from '../../../core/fleet/passkey.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { writePasskey } from '../../../core/trust/passkey.ts'
import { passkeysOf, removePasskey, renamePasskey } from '../../../flows/passkeys.ts'
import { signIn } from '../../../flows/sign-in.ts'
import type { PasskeyView } from '../../../wire/account-api.ts'
import * as routes from '../../../wire/routes/accounts.ts'
import { wasTold } from '../gate.ts'
import { awayCookie, awayOf, giveSession } from '../session-cookie.ts'
import type { FleetDoor } from './parts.ts'
import { changesSecrets, shows } from './serve-route.ts'

/** How one may sign in, by passkeys and by the word of other parties; and one's own passkeys. */
export function signInWays(server: HttpsServer, door: FleetDoor): void {
  const { reception } = door

  shows(server, routes.signInWays, () => {
    const all = [...reception.providers.values()]
    return {
      password: all.some(({ way }) => way === 'password'),
      passkey: all.some(({ way }) => way === 'passkey'),
      providers: all.filter(({ way }) => way === 'redirect').map(({ name: provider, label }) => ({ provider, label })),
    }
  })

  shows(server, routes.askChallenge, async ({ body, request, reply }) => {
    const provider = reception.providers.get(body.provider)
    if (provider === undefined) {
      return refuse('sign-in-wrong', plainText(body.provider, 64), 'a provider that the fleet knows', 'another one')
    }
    const browser = toBase64Url(reception.random.bytes(32))
    const challenge = await provider.begin({ address: addressOf(request), browser, to: ownPath(body.to ?? '') })
    reply.header('cache-control', 'no-store')
    if (!isRefusal(challenge) && challenge.at === 'redirect') reply.header('set-cookie', awayCookie(browser))
    return challenge
  })

  shows(server, routes.signInReturn, async ({ params, query, request, reply }) => {
    reply.header('cache-control', 'no-store')
    const begun = await returned(door, request, params.name ?? '', query as Readonly<Record<string, string>>)
    // The flow has told of it. Whatever was sent along, it is to the console that they go.
    wasTold(request)
    // Nobody is away any more, whatever came of it.
    reply.header('set-cookie', awayCookie(''))
    if (!isRefusal(begun)) giveSession(reply, begun, door.world.clock.now())
    reply.header('location', isRefusal(begun) ? `/sign-in?refused=${begun.code}` : (begun.to ?? '/'))
    return null
  })

  passkeyRoutes(server, door)
}

/** Ends a sign-in that began in this browser, at the party whose address this is. */
function returned(
  door: FleetDoor,
  request: FastifyRequest,
  name: string,
  parameters: Readonly<Record<string, string>>,
) {
  const { reception, returns } = door
  if (peer(request) !== null) {
    return refuse('credential-twice', 'a sign-in', 'a connection without a certificate', 'one with')
  }
  const proof = { at: 'redirect', state: parameters.state ?? '', parameters, browser: awayOf(request) } as const
  return signIn(reception, returns.get(name) ?? name, proof, { address: addressOf(request), kind: 'browser' })
}

function passkeyRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world, passkeys } = door
  const none = (): Refusal => refuse('passkey-refused', 'this fleet', 'a console whose url has a name', 'an address')

  changesSecrets(server, routes.askPasskey, ({ peer, reply }) => {
    reply.header('cache-control', 'no-store')
    const run = async () => {
      const wanted = passkeys === null ? none() : await passkeys.begin(peer)
      return isRefusal(wanted) ? wanted : { ...wanted, known: [...wanted.known], algorithms: [...ALGORITHMS] }
    }
    return { attempt: 'passkey add', run }
  })

  changesSecrets(server, routes.addPasskey, ({ peer, body }) => {
    const run = async () => {
      const added = passkeys === null ? none() : await passkeys.add(peer, body)
      return isRefusal(added) ? added : passkeyView(added)
    }
    return { attempt: 'passkey add', run }
  })

  shows(server, routes.readPasskeyKey, async ({ params, reply }) => {
    const key = passkeys === null ? none() : await passkeys.handedOut(params.id ?? '', params.passkey ?? '')
    if (isRefusal(key)) return key
    return reply.type('application/json').send(Buffer.from(writePasskey(key)))
  })

  changesSecrets(server, routes.renamePasskey, ({ peer, params, body }) => {
    const run = () => renamePasskey(world, peer, params.id ?? '', params.passkey ?? '', body.label)
    return { attempt: 'passkey rename', run }
  })

  changesSecrets(server, routes.removePasskey, ({ peer, params }) => {
    const run = () => removePasskey(world, peer, params.id ?? '', params.passkey ?? '')
    return { attempt: 'passkey remove', run }
  })
}

/** The passkeys of an account, as it is shown. */
export async function passkeyViews({ world }: FleetDoor, account: string): Promise<PasskeyView[] | Refusal> {
  const all = await passkeysOf(world, account)
  return isRefusal(all) ? all : all.map(passkeyView)
}

const passkeyView = ({ id, label, synced, createdAt, used }: Passkey): PasskeyView => ({
  id,
  label,
  synced,
  createdAt,
  usedAt: used,
})

const addressOf = ({ socket }: FastifyRequest): string => socket.remoteAddress ?? 'unknown'
