import type { CodeTable } from './code.ts'

const denied = { exit: 77, status: 403, action: 'refuse' } as const
const unknown = { exit: 77, status: 401, action: 'refuse' } as const
const clash = { exit: 21, status: 409, action: 'refuse' } as const
const data = { exit: 65, status: 422, action: 'refuse' } as const

/** Accounts, roles, sign-in, tokens, and who may approve what. */
export const accountCodes = {
  'sign-in-required': {
    ...unknown,
    title: 'nobody has said who they are',
    fix: 'Sign in with "voltseal login", or call with a certificate or an API token.',
  },
  'credential-twice': {
    exit: 64,
    status: 400,
    action: 'refuse',
    title: 'the request says twice who makes it',
    fix: 'Send one of them only: a client certificate, a token, or the session of a browser.',
  },
  'credential-unknown': {
    ...unknown,
    title: 'the token or session is not one of this fleet',
    fix: 'Copy the whole token, or sign in again with "voltseal login". An administrator makes a new one: "voltseal account token".',
  },
  'credential-revoked': {
    ...unknown,
    title: 'the token or session was revoked',
    fix: 'Sign in again, or have a new token made: "voltseal account token". Who revoked it is in the audit log.',
  },
  'credential-expired': {
    ...unknown,
    title: 'the token or session has expired',
    fix: 'Sign in again with "voltseal login", or have a new token made: "voltseal account token".',
  },
  'sign-in-wrong': {
    ...unknown,
    title: 'account and password do not belong together, or the account cannot sign in so',
    fix: 'Try again. An administrator sets another password with "voltseal account password".',
  },
  'sign-in-over': {
    ...unknown,
    title: 'this sign-in was not begun here, took too long, or has been finished before',
    fix: 'Begin again. If you did not begin one at all, somebody else did, and wanted you to end it: close the page, and tell an administrator.',
  },
  'passkey-refused': {
    ...data,
    title: 'the passkey could not be added',
    fix: 'Try again in the console itself, with an authenticator that asks for your fingerprint, face or PIN.',
  },
  'passkey-copied': {
    ...unknown,
    title: 'the passkey counts backwards: there may be a copy of it',
    fix: 'Sign in another way, remove the passkey, and add a new one. Tell an administrator: a key that is said to be in one place only has been somewhere else.',
  },
  'passkeys-too-many': {
    ...clash,
    title: 'the account has as many passkeys as one may have',
    fix: 'Remove one that nobody needs: each says when it was used last.',
  },
  'session-not-fresh': {
    ...denied,
    title: 'it is too long ago that this person signed in',
    fix: 'Sign in again with a password, a passkey or your provider, and go on within five minutes.',
  },
  'identity-unlinked': {
    ...denied,
    title: 'the provider knows this person, and no account here is theirs',
    fix: 'An administrator links the account: "voltseal account identity NAME --provider ISSUER --subject SUBJECT". Accounts are never made by themselves.',
  },
  'provider-unreachable': {
    exit: 69,
    status: 503,
    action: 'retry',
    title: 'the provider of identities does not answer as it should',
    fix: 'Try again, or sign in another way. An administrator looks at "signIn" in fleet.yaml, and whether the provider can be reached from the server.',
  },
  'sign-in-locked': {
    exit: 75,
    status: 429,
    action: 'retry',
    title: 'there were too many wrong passwords',
    fix: 'Wait as long as it says. If it was not you, tell an administrator: somebody guesses. Certificates and tokens go on working.',
  },
  'sign-in-busy': {
    exit: 75,
    status: 503,
    action: 'retry',
    title: 'too many people sign in at once',
    fix: 'Try again in a few seconds.',
  },
  'request-forged': {
    ...denied,
    title: 'the request came with the session of a browser, but not from the fleet’s own page',
    fix: 'Nothing was done. If you did not mean it, another page in your browser tried it in your name: sign out, and tell an administrator.',
  },
  'account-missing': {
    ...denied,
    title: 'there is no account of that name',
    fix: 'An administrator makes one: "voltseal account add". On the server’s own machine "voltseal fleet recover" makes the first one of an older fleet.',
  },
  'account-disabled': {
    ...denied,
    title: 'the account is disabled',
    fix: 'An administrator who has reason to may enable it again: "voltseal account enable".',
  },
  'role-missing': {
    ...denied,
    title: 'no role of the account allows this there',
    fix: 'Ask somebody who has the role. docs/roles.md lists what each role allows; an administrator gives roles with "voltseal account roles".',
  },
  'token-too-narrow': {
    ...denied,
    title: 'the account may do this there, and its token may not',
    fix: 'Use another token, or have one made that allows it.',
  },
  'token-exceeds-account': {
    ...denied,
    title: 'the token would allow more than who makes it may give',
    fix: 'Give it roles that its account has, in the same scope or a smaller one, for at most 400 days.',
  },
  'tokens-too-many': {
    ...clash,
    title: 'the account has as many tokens in force as one may have',
    fix: 'Revoke those that nobody needs: "voltseal account show" says when each was used last, "voltseal account token --revoke" ends one.',
  },
  'token-manages-itself': {
    ...denied,
    title: 'a token cannot change the account that it stands for',
    fix: 'Sign in as a person, or come with your certificate.',
  },
  'account-exists': {
    ...clash,
    title: 'there is an account of that name already',
    fix: 'Choose another name, or change the one that is there. A name is never given to a second person.',
  },
  'account-malformed': {
    ...data,
    title: 'the account does not have the form of an account',
    fix: 'Correct the named place. If it came out of the store, restore the store from its backup.',
  },
  'account-in-force': {
    ...clash,
    title: 'the account is in force, and nobody who may come in is forgotten',
    fix: 'Disable it first: "voltseal account disable". To forget somebody cannot be undone.',
  },
  'account-own-edit': {
    ...denied,
    title: 'nobody changes their own roles, keys or standing',
    fix: 'Let another administrator do it. With one administrator only, "voltseal fleet recover" works on the server’s own machine.',
  },
  'account-last-administrator': {
    ...clash,
    title: 'no administrator would be left',
    fix: 'Make somebody else an administrator of the fleet first.',
  },
  'account-key-taken': {
    ...clash,
    title: 'the key belongs to another account',
    fix: 'Each approver has a key of their own. Take it from the other account first, if it was entered there by mistake.',
  },
  'account-external-taken': {
    ...clash,
    title: 'the provider’s subject belongs to another account',
    fix: 'One person has one account. Take it from the other account first, if it was entered there by mistake.',
  },
  'organisations-mixed': {
    ...clash,
    title: 'one account would publish for the maker and decide for the operator',
    fix: 'Use two accounts of two people. Who is both says so in fleet.yaml (governance.separateOrganisations: false).',
  },
  'password-weak': {
    ...data,
    title: 'the password is too easy to guess',
    fix: 'Take several words that do not belong together, or let a password manager make it.',
  },
  'secret-file-permissions': {
    exit: 77,
    status: 500,
    action: 'refuse',
    title: 'other users of this machine may read the secret',
    fix: 'Run "chmod 600" on the file. If others had access to this machine, change the password, or revoke the token.',
  },
  'secret-file-malformed': {
    ...data,
    title: 'the file does not hold a secret',
    fix: 'Write the password or the token into it, alone in one line.',
  },
  'change-request-missing': {
    ...data,
    title: 'a campaign of this criticality needs the id of its change request',
    fix: 'Name it: --change-request ID. Which ones need it is governance.changeRequest of fleet.yaml.',
  },
  'approval-by-creator': {
    exit: 21,
    status: 403,
    action: 'refuse',
    title: 'who drew up the plan cannot approve it',
    fix: 'Let somebody else read and sign it.',
  },
  'approval-key-not-own': {
    exit: 21,
    status: 403,
    action: 'refuse',
    title: 'the signature was made with a key that is not the account’s own',
    fix: 'Each approver hands in their own signature, with their own account. An administrator enters keys with "voltseal account key".',
  },
  'approval-twice': {
    exit: 21,
    status: 403,
    action: 'refuse',
    title: 'this person’s signature under the plan counts already, by another of their keys',
    fix: 'Let another approver sign: so many signatures are so many people.',
  },
  'approval-void': {
    exit: 21,
    status: 409,
    action: 'refuse',
    title: 'a signature counts no more, because its approver may not approve any more',
    fix: 'Let another approver sign. Who may approve again signs again.',
  },
  'campaign-rejected': {
    exit: 21,
    status: 409,
    action: 'refuse',
    title: 'an approver has rejected the plan',
    fix: 'Read the reason ("voltseal campaign show"), and draw up another plan under a new name.',
  },
} as const satisfies CodeTable
