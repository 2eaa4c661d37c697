import { type EntryForm, refusal } from './entry-form.ts'
import type { EntryKind } from './entry-kinds.ts'

/** The kinds that tell who came in, who was refused, and whose accounts were changed. */
export const peopleForms = {
  'access-granted': {
    by: 'fleet',
    flow: 'flows/sign-in.ts',
    says: {
      by: 'the provider of the identity',
      session: 'the id of the session',
      kind: 'session or browser',
      address: 'where they came from',
      passkey: 'the id of the passkey that they signed in with',
    },
    personal: ['address'],
  },
  'access-ended': {
    by: 'fleet',
    flow: 'flows/sign-in.ts',
    says: { credential: 'the id of the token or session', kind: 'token, session or browser', account: 'whose it was' },
    personal: ['account'],
  },
  'site-access-granted': {
    by: 'gateway',
    flow: 'flows/site-sign-in.ts',
    says: { account: 'who', role: 'as what', session: 'the id of the session', address: 'where they came from' },
    personal: ['account', 'address'],
  },
  'site-access-ended': {
    by: 'gateway',
    flow: 'flows/site-sign-in.ts',
    says: { account: 'who', session: 'the id of the session' },
    personal: ['account'],
  },
  'site-people-changed': {
    by: 'gateway',
    flow: 'flows/site-people.ts',
    says: {
      event: 'let-in, role, password, shut-out, let-in-again or forgotten',
      account: 'who',
      role: 'as what they may come in',
    },
    personal: ['account'],
  },
  'access-refused': {
    by: 'fleet',
    flow: 'flows/refused.ts',
    says: {
      attempt: 'what was tried',
      ...refusal,
      account: 'the name that was tried',
      address: 'where it came from',
      leftOut: 'attempts before it that were not written',
    },
    personal: ['subject', 'expected', 'actual', 'account', 'address'],
  },
  'account-forgotten': {
    by: 'fleet',
    flow: 'flows/forget.ts',
    says: { account: 'the pseudonym of which nobody knows any more whose it was' },
    personal: ['account'],
  },
  'account-changed': {
    by: 'fleet',
    flow: 'flows/appoint.ts',
    says: {
      event:
        'made, changed, enabled, disabled, password, token-made, passkey-added, passkey-renamed, passkey-removed or recovered',
      account: 'which one',
      kind: 'person or service',
      grants: 'the roles that it has, or that the token allows',
      from: 'the roles that it had',
      keys: 'the ids of the keys that it approves with',
      keysBefore: 'those of before',
      externals: 'the providers that may vouch for it',
      reason: 'why it was disabled',
      sessionsEnded: 'how many sessions ended with it',
      token: 'the id of the token',
      key: 'SHA-256 of the token’s secret: what its entries are known by',
      passkey: 'the id of the passkey: SHA-256 of its credential id',
      label: 'what the token is for, or what the passkey is called',
      labelBefore: 'what the passkey was called before',
      expires: 'when the token ends',
    },
    personal: ['account'],
  },
} as const satisfies Partial<Record<EntryKind, EntryForm>>
