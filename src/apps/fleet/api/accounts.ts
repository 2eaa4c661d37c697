import { certificateFacts, issueCertificate } from '../../../adapters/certificates.ts'
import { type HttpsServer, peer } from '../../../adapters/http-server.ts'
import { plainText } from '../../../core/encoding/plain-text.ts'
import { millis } from '../../../core/encoding/units.ts'
import { type Account, readGrant } from '../../../core/fleet/account.ts'
import { IDLE_LIFE, parseCredential } from '../../../core/fleet/credential.ts'
import { type Grant, grantText, mayTable } from '../../../core/fleet/roles.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../../../core/refusal/refusal.ts'
import { accountOf, accountsOf, inForce, type Who } from '../../../flows/admit.ts'
import {
  type AccountEdit,
  addAccount,
  credentialsOf,
  editAccount,
  makeToken,
  revokeCredential,
  setPassword,
  signOutEverywhere,
} from '../../../flows/appoint.ts'
import { noteCertificate } from '../../../flows/certify.ts'
import { forget } from '../../../flows/forget.ts'
import { PASSKEY } from '../../../flows/passkey-identities.ts'
import { person } from '../../../flows/persons.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import { signIn, signOut } from '../../../flows/sign-in.ts'
import type { AccountDetail, AccountView, CertificateView, SignIn, WhoView } from '../../../wire/account-api.ts'
import * as routes from '../../../wire/routes/accounts.ts'
import { readAuthority } from '../enrolment.ts'
import { fleetFiles } from '../files.ts'
import { wasTold } from '../gate.ts'
import { giveSession, takeSession } from '../session-cookie.ts'
import { behindIn, byText, pageOf } from './page.ts'
import type { FleetDoor } from './parts.ts'
import { changes, changesSecrets, shows } from './serve-route.ts'
import { passkeyViews, signInWays } from './sign-in.ts'

/** Signing in and out, and the accounts themselves. */
export function accountRoutes(server: HttpsServer, door: FleetDoor): void {
  signInRoutes(server, door)
  signInWays(server, door)
  managingRoutes(server, door)
}

function signInRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world, reception } = door

  shows(server, routes.signIn, async ({ body, request, reply }) => {
    if (peer(request) !== null) {
      return refuse('credential-twice', 'POST /v1/sign-in', 'a connection without a certificate', 'one with')
    }
    const { proof, cookie: inCookie = false } = body as SignIn
    const { provider = proof.at === 'passkey' ? PASSKEY : 'local' } = body as SignIn
    // Its secret would be of use nowhere.
    if (!inCookie && !door.signIn) return refuse('request-malformed', 'cookie', 'true', 'a session without a cookie')
    const from = { address: request.socket.remoteAddress ?? 'unknown', kind: inCookie ? 'browser' : 'session' } as const
    const begun = await signIn(reception, provider, proof, from)
    // The flow has told of it, with the name that was tried.
    wasTold(request)
    if (isRefusal(begun)) return begun
    const { account, secret, expiresAt } = begun
    reply.header('cache-control', 'no-store')
    if (!inCookie) return { account, expiresAt, secret }
    giveSession(reply, begun, world.clock.now())
    return { account, expiresAt }
  })

  shows(server, routes.signOut, async ({ peer: who, reply }) => {
    const refusal = await signOut(world, who)
    if (refusal === null && who.by === 'browser') takeSession(reply)
    return refusal
  })

  shows(server, routes.whoAmI, async ({ peer: who }): Promise<WhoView | Refusal> => {
    const { id: account, account: known, by, grants, narrowed } = who
    const { name, kind } = known
    const session = await sessionOf(world, who)
    if (isRefusal(session)) return session
    const roles = grants.map(grantText)
    return { account, name, kind, by, session, roles, narrowed: narrowed?.map(grantText) ?? null, may: mayTable(who) }
  })
}

/** What somebody came in with; null: a certificate. */
async function sessionOf({ store }: FleetWorld, { credential, by }: Who): Promise<WhoView['session'] | Refusal> {
  const row = credential === null ? null : await store.credential(credential)
  if (row === null) return null
  const stored = parseCredential(row.credential, `credential ${row.id}`)
  if (isRefusal(stored)) return stored
  const { id, label, createdAt, expiresAt } = stored
  return { id, label, createdAt, expiresAt, idleMillis: by === 'browser' ? IDLE_LIFE : null }
}

function managingRoutes(server: HttpsServer, door: FleetDoor): void {
  const { world, reception, passwords } = door

  shows(server, routes.listAccounts, async ({ query }) => {
    const all = await accountsOf(world)
    if (isRefusal(all)) return all
    const views = all.map(accountView).sort((a, b) => byText(a.id, b.id))
    return pageOf(query, {
      name: 'accounts',
      sorts: ['string'],
      keyOf: (one: AccountView) => [one.id] as const,
      behind: behindIn(views, (one, [after]: readonly [string]) => byText(one.id, after) > 0),
    })
  })

  shows(server, routes.readAccount, ({ params }) => detailOf(door, params.id ?? ''))

  changes(server, door, routes.addAccount, ({ peer, body }) => {
    const { roles, keys = [], ...rest } = body
    return {
      attempt: 'account add',
      run: () => viewed(addAccount(world, peer, { ...rest, grants: grantsOf(roles), keys })),
    }
  })

  changes(server, door, routes.changeAccount, ({ peer, params, body }) => {
    const { roles, addRoles = [], removeRoles = [], ...rest } = body
    const moved = { give: grantsOf(addRoles), take: grantsOf(removeRoles) }
    const edit: AccountEdit = { ...rest, ...moved, ...(roles === undefined ? {} : { grants: grantsOf(roles) }) }
    return { attempt: 'account change', run: () => viewed(editAccount(world, peer, params.id ?? '', edit)) }
  })

  changesSecrets(server, routes.changePassword, ({ peer, params, body }) => {
    const asked = { password: body.password, current: body.current ?? null }
    return { attempt: 'account password', run: () => setPassword(reception, passwords, peer, params.id ?? '', asked) }
  })

  changesSecrets(server, routes.makeToken, ({ peer, params, body, reply }) => {
    const { label, roles, lifeMillis } = body
    const grants = roles === undefined ? null : grantsOf(roles)
    reply.header('cache-control', 'no-store')
    const asked = { label, grants, lifeMillis: millis(lifeMillis) }
    return { attempt: 'account token', run: () => makeToken(reception, peer, params.id ?? '', asked) }
  })

  changesSecrets(server, routes.revokeCredential, ({ peer, params }) => {
    const run = () => revokeCredential(world, peer, params.id ?? '', params.credential ?? '')
    return { attempt: 'account revoke', run }
  })

  changesSecrets(server, routes.endSessions, ({ peer, params }) => {
    return { attempt: 'account sign-out', run: () => signOutEverywhere(world, peer, params.id ?? '') }
  })

  changes(server, door, routes.forgetAccount, ({ peer, params }) => {
    return { attempt: 'account forget', run: () => forget(world, peer, params.id ?? '') }
  })

  changes(server, door, routes.certifyAccount, ({ peer, params, body }) => {
    return { attempt: 'account certify', run: () => certify(door, peer, params.id ?? '', body.csr) }
  })
}

const viewed = async (account: Promise<Account | Refusal>): Promise<AccountView | Refusal> => {
  const made = await account
  return isRefusal(made) ? made : accountView(made)
}

function accountView(account: Account): AccountView {
  const { id, kind, name, standing, grants, keys, externals, createdAt } = account
  const disabled = standing.at === 'disabled' ? { since: standing.since, reason: standing.reason } : null
  return {
    id,
    kind,
    name,
    disabled,
    roles: grants.map(grantText),
    keys: [...keys],
    externals: externals.map(one => ({ ...one })),
    createdAt,
  }
}

async function detailOf(door: FleetDoor, id: string): Promise<AccountDetail | Refusal> {
  const { world } = door
  const account = await accountOf(world, id)
  if (isRefusal(account)) return account
  if (account === null) return refuse('account-missing', id, 'an account of this fleet', 'none of that name')
  const passkeys = await passkeyViews(door, id)
  if (isRefusal(passkeys)) return passkeys
  const credentials = await credentialsOf(world, id)
  if (isRefusal(credentials)) return credentials
  const shown = credentials.map(({ id, kind, label, grants, createdAt, createdBy, expiresAt, used, revoked }) => {
    const roles = grants?.map(grantText) ?? null
    return { id, kind, label, roles, createdAt, createdBy, expiresAt, usedAt: used, revokedAt: revoked?.at ?? null }
  })
  const password = (await world.store.password(id)) !== null
  return { ...accountView(account), password, credentials: shown, passkeys }
}

/** Throws `account-malformed` for what is no role in a scope. */
function grantsOf(roles: readonly string[]): readonly Grant[] {
  return roles.map(written => {
    const grant = readGrant(written)
    if (grant !== null) return grant
    const expected = 'ROLE@SCOPE, such as planner@fleet or operator@region:nl-west'
    throw new RefusalError(refuse('account-malformed', 'a role', expected, plainText(written, 80)))
  })
}

async function certify(door: FleetDoor, who: Who, id: string, csr: string): Promise<CertificateView | Refusal> {
  const { world } = door
  // A certificate outlives every token: who found one must not make themselves at home with it.
  if (who.by === 'token') return refuse('token-manages-itself', id, 'a sign-in or a certificate', 'a token')
  const account = await inForce(world, id)
  if (isRefusal(account)) return account
  if (account.kind !== 'person') return refuse('account-missing', id, 'the account of a person', 'a service')
  const authority = readAuthority(fleetFiles(door.folder).authority('fleet'))
  if (isRefusal(authority)) return authority
  const cert = await issueCertificate(authority, csr, { identity: { kind: 'person', id } }, world.clock.now())
  if (isRefusal(cert)) return cert
  const facts = certificateFacts(cert)
  if (isRefusal(facts)) return facts
  await noteCertificate(world, person(who), facts)
  return { cert, ca: authority.cert }
}
