import { Type } from 'typebox'
import { ACCOUNTS, may, ownOr, STRANGERS } from '../access.ts'
import {
  AccountDetail,
  AccountView,
  AddAccount,
  AddPasskey,
  AskCertificate,
  AskChallenge,
  AskToken,
  CertificateView,
  ChallengeView,
  ChangeAccount,
  ChangePassword,
  ForgottenView,
  PasskeyView,
  PasskeyWantedView,
  RenamePasskey,
  SessionView,
  SignIn,
  SignInReturn,
  TokenView,
  WaysView,
  WhoView,
} from '../account-api.ts'
import { Name } from '../fleet-api.ts'
import { List } from '../fleet-views.ts'
import { PageQuery, route } from '../route.ts'

const params = { id: Name }
const NOTHING = Type.Object({}, { additionalProperties: false })
const tag = 'accounts'
/** What somebody may send who has not said who they are, in bytes. */
const STRANGERS_BODY = 64 * 1024

export const signIn = route({
  method: 'POST',
  path: '/v1/sign-in',
  id: 'signIn',
  tag,
  summary: 'Begins a session, in a cookie or in the answer',
  access: STRANGERS,
  body: SignIn,
  bodyLimit: STRANGERS_BODY,
  answers: { 200: SessionView },
  codes: ['sign-in-wrong', 'sign-in-over', 'sign-in-locked', 'sign-in-busy', 'passkey-copied'],
})

export const signInWays = route({
  method: 'GET',
  path: '/v1/sign-in/ways',
  id: 'signInWays',
  tag,
  summary: 'How one may sign in here: a password, a passkey, other parties',
  access: STRANGERS,
  answers: { 200: WaysView },
  codes: [],
})

export const signInReturn = route({
  method: 'GET',
  path: '/v1/sign-in/return/{name}',
  id: 'signInReturn',
  tag,
  summary: 'Where a provider sends people back to: begins a session in a cookie, and goes on to the console',
  access: STRANGERS,
  params: { name: Name },
  query: SignInReturn,
  secret: true,
  answers: { 303: null },
  codes: [],
})

export const askChallenge = route({
  method: 'POST',
  path: '/v1/sign-in/challenges',
  id: 'askChallenge',
  tag,
  summary: 'What a provider of identities wants: a password, a passkey, or a visit to its page',
  access: STRANGERS,
  body: AskChallenge,
  bodyLimit: STRANGERS_BODY,
  answers: { 200: ChallengeView },
  codes: ['sign-in-wrong', 'provider-unreachable'],
})

export const signOut = route({
  method: 'POST',
  path: '/v1/sign-out',
  id: 'signOut',
  tag,
  summary: 'Ends the session, or revokes the token, that the request came with',
  access: ACCOUNTS,
  secret: true,
  answers: { 204: null },
  codes: [],
})

export const whoAmI = route({
  method: 'GET',
  path: '/v1/whoami',
  id: 'whoAmI',
  tag,
  summary: 'Whose request this is, and what they may do',
  access: ACCOUNTS,
  answers: { 200: WhoView },
  codes: [],
})

export const listAccounts = route({
  method: 'GET',
  path: '/v1/accounts',
  id: 'listAccounts',
  tag,
  summary: 'Accounts by name',
  access: may('read-accounts'),
  query: PageQuery,
  paged: true,
  answers: { 200: List(AccountView) },
  codes: ['cursor-invalid'],
})

export const readAccount = route({
  method: 'GET',
  path: '/v1/accounts/{id}',
  id: 'readAccount',
  tag,
  summary: 'One account, with its tokens, sessions and passkeys',
  access: ownOr('read-accounts'),
  params,
  answers: { 200: AccountDetail },
  codes: ['account-missing'],
})

export const addAccount = route({
  method: 'POST',
  path: '/v1/accounts',
  id: 'addAccount',
  tag,
  summary: 'Makes an account',
  access: may('manage-accounts'),
  body: AddAccount,
  answers: { 200: AccountView },
  codes: ['account-exists', 'organisations-mixed', 'account-malformed', 'account-key-taken'],
})

export const changeAccount = route({
  method: 'POST',
  path: '/v1/accounts/{id}/changes',
  id: 'changeAccount',
  tag,
  summary: 'Changes roles, keys or standing of an account',
  access: may('manage-accounts'),
  params,
  body: ChangeAccount,
  answers: { 200: AccountView },
  codes: [
    'account-missing',
    'account-own-edit',
    'account-last-administrator',
    'account-external-taken',
    'organisations-mixed',
  ],
})

export const forgetAccount = route({
  method: 'POST',
  path: '/v1/accounts/{id}/forget',
  id: 'forgetAccount',
  tag,
  summary: 'Forgets somebody for good: the account, and whom the audit log speaks of by their pseudonym',
  access: may('manage-accounts'),
  params,
  answers: { 200: ForgottenView },
  codes: ['account-missing', 'account-in-force'],
})

export const changePassword = route({
  method: 'POST',
  path: '/v1/accounts/{id}/password',
  id: 'changePassword',
  tag,
  summary: 'Sets a password: one’s own, or as an administrator that of another',
  access: ownOr('manage-accounts'),
  params,
  body: ChangePassword,
  secret: true,
  answers: { 204: null },
  codes: ['account-missing', 'password-weak', 'sign-in-wrong', 'token-manages-itself'],
})

export const makeToken = route({
  method: 'POST',
  path: '/v1/accounts/{id}/tokens',
  id: 'makeToken',
  tag,
  summary: 'Makes an API token: of one’s own, or as an administrator of a service',
  access: ownOr('manage-accounts'),
  params,
  body: AskToken,
  secret: true,
  answers: { 200: TokenView },
  codes: ['account-missing', 'token-exceeds-account', 'token-manages-itself'],
})

export const revokeCredential = route({
  method: 'DELETE',
  path: '/v1/accounts/{id}/credentials/{credential}',
  id: 'revokeCredential',
  tag,
  summary: 'Revokes a token or a session',
  access: ownOr('manage-accounts'),
  params: { id: Name, credential: Type.String({ pattern: '^[0-9a-f]{16}$' }) },
  secret: true,
  answers: { 204: null },
  codes: ['credential-unknown'],
})

export const endSessions = route({
  method: 'POST',
  path: '/v1/accounts/{id}/sign-out',
  id: 'endSessions',
  tag,
  summary: 'Ends every session of an account: one’s own, or as an administrator those of another',
  access: ownOr('manage-accounts'),
  params,
  body: NOTHING,
  secret: true,
  answers: { 204: null },
  codes: ['account-missing', 'token-manages-itself'],
})

export const askPasskey = route({
  method: 'POST',
  path: '/v1/passkeys/challenges',
  id: 'askPasskey',
  tag,
  summary: 'What an authenticator is asked for, to make a passkey for the account that asks',
  access: ACCOUNTS,
  body: NOTHING,
  secret: true,
  answers: { 200: PasskeyWantedView },
  codes: ['session-not-fresh', 'passkeys-too-many', 'account-missing'],
})

export const addPasskey = route({
  method: 'POST',
  path: '/v1/passkeys',
  id: 'addPasskey',
  tag,
  summary: 'Adds a passkey to the account that asks',
  access: ACCOUNTS,
  body: AddPasskey,
  bodyLimit: STRANGERS_BODY,
  secret: true,
  answers: { 200: PasskeyView },
  codes: ['session-not-fresh', 'passkeys-too-many', 'passkey-refused', 'sign-in-over'],
})

export const renamePasskey = route({
  method: 'POST',
  path: '/v1/accounts/{id}/passkeys/{passkey}',
  id: 'renamePasskey',
  tag,
  summary: 'Calls a passkey something else: one’s own, or as an administrator that of another',
  access: ownOr('manage-accounts'),
  params: { id: Name, passkey: Type.String({ pattern: '^[0-9a-f]{64}$' }) },
  body: RenamePasskey,
  secret: true,
  answers: { 204: null },
  codes: ['account-missing', 'account-malformed', 'token-manages-itself'],
})

export const removePasskey = route({
  method: 'DELETE',
  path: '/v1/accounts/{id}/passkeys/{passkey}',
  id: 'removePasskey',
  tag,
  summary: 'Removes a passkey: one’s own, or as an administrator that of another',
  access: ownOr('manage-accounts'),
  params: { id: Name, passkey: Type.String({ pattern: '^[0-9a-f]{64}$' }) },
  secret: true,
  answers: { 204: null },
  codes: ['account-missing', 'token-manages-itself'],
})

export const readPasskeyKey = route({
  method: 'GET',
  path: '/v1/accounts/{id}/passkeys/{passkey}/key',
  id: 'readPasskeyKey',
  tag,
  summary: 'The public part of a passkey, as a ceremony takes it into the root of the approvals',
  access: ownOr('read-accounts'),
  params: { id: Name, passkey: Type.String({ pattern: '^[0-9a-f]{64}$' }) },
  answers: { 200: { type: 'application/json', what: 'a passkey’s file: docs/signing.md' } },
  codes: ['not-found', 'passkey-refused'],
})

export const certifyAccount = route({
  method: 'POST',
  path: '/v1/accounts/{id}/certificates',
  id: 'certifyAccount',
  tag,
  summary: 'Issues a client certificate for a person, for a key of theirs',
  access: may('manage-accounts'),
  params,
  body: AskCertificate,
  answers: { 200: CertificateView },
  codes: [
    'account-missing',
    'account-disabled',
    'token-manages-itself',
    'certificate-request-malformed',
    'certificate-request-unproven',
  ],
})
