import { campaignForms } from './entry-details-campaign.ts'
import type { EntryForm } from './entry-form.ts'
import type { EntryKind } from './entry-kinds.ts'

/** The three phrases of a refusal (docs/refusals.md); its code is a member of the entry. */
const refusal = {
  subject: 'what was refused',
  expected: 'what was expected',
  actual: 'what was there instead',
} as const
/** Every kind with its form; those of campaigns in a file of their own. */
export const entryForms: Readonly<Record<EntryKind, EntryForm>> = {
  'log-opened': {
    by: 'fleet',
    flow: 'apps/fleet/init.ts',
    says: { anchors: 'the ids of the keys that sign firmware', rehearsal: 'true: the log of a rehearsed ceremony' },
  },
  'clock-set-back': {
    by: 'fleet',
    flow: 'flows/audit.ts',
    says: { before: 'the time of the fleet’s last entry', now: 'the time now', behind: 'milliseconds between them' },
  },

  'release-published': {
    by: 'fleet',
    flow: 'flows/publish.ts',
    says: {
      path: 'its path in the image repository',
      class: 'for which class of controllers',
      version: 'its version',
      sequence: 'its sequence number',
      counter: 'its security counter',
      image: 'SHA-256 of its image',
      signers: 'the ids of the keys that signed the envelope',
      evidence: 'the SBOM and the provenance that came with it, and which of them were demanded',
    },
  },
  'release-revoked': {
    by: 'fleet',
    flow: 'flows/publish.ts',
    says: { path: 'its path in the image repository', version: 'the version of the targets without it' },
  },
  'repository-updated': {
    by: 'fleet',
    flow: 'flows/publish.ts',
    says: {
      repository: 'which one',
      version: 'the version of its targets or root',
      repositories: 'how many were signed anew with it',
      renewed: 'how many were renewed online',
    },
  },
  'repository-alarm': { by: 'fleet', flow: 'flows/warn.ts', says: refusal },
  'root-rotated': {
    by: 'fleet',
    flow: 'flows/rotate.ts',
    says: { repository: 'whose root', version: 'its version', repositories: 'how many were signed anew with it' },
  },
  'ceremony-closed': {
    by: 'fleet',
    flow: 'flows/close.ts',
    says: {
      ceremony: 'its name',
      repository: 'of which repository',
      deadline: 'until when it was good',
      rehearsal: 'true: it was a rehearsal',
      documents: 'each document with its digest, who signed it in which role, and what it changed in words',
    },
    personal: ['documents'],
  },
  'key-event': {
    by: 'fleet',
    flow: 'flows/close.ts',
    says: {
      repository: 'the repository whose root names the key',
      key: 'what the key is called',
      id: 'its id: SHA-256 in hex',
      event: 'made, added or revoked',
      development: 'true: it can be copied',
      root: 'the version of the root that a gateway has taken',
    },
    personal: ['key'],
  },
  'certificate-event': {
    by: 'fleet',
    flow: 'flows/certify.ts',
    says: {
      event: 'issued',
      for: 'whose it is',
      serial: 'its serial number',
      sha256: 'SHA-256 of the certificate',
      notAfter: 'when it expires',
    },
    personal: ['for'],
  },

  'site-registered': {
    by: 'fleet',
    flow: 'apps/fleet/enrolment.ts',
    says: {
      region: 'in which region it lies',
      controllers: 'how many controllers it has',
      witness: 'the key by which its gateway cosigns the log',
      key: 'the id of the key that signs what its gateway hands over',
    },
  },
  'inventory-imported': {
    by: 'fleet',
    flow: 'flows/import.ts',
    says: { name: 'what the list is called', controllers: 'lines that were taken', bad: 'lines that were not' },
  },
  'controller-registered': {
    by: 'fleet',
    flow: 'apps/fleet/enrolment.ts',
    says: {
      class: 'its class',
      hardware: 'its hardware',
      key: 'the id of the key that signs its reports',
      decryptionKey: 'SHA-256 of the key that content keys are wrapped for',
      replaced: 'true: another device came in the place of one',
    },
  },

  ...campaignForms,

  'assignment-verified': {
    by: 'gateway',
    flow: 'flows/relay.ts',
    says: { assignment: 'the id of the assignment', path: 'the release’s path' },
  },
  'assignment-refused': { by: 'gateway', flow: 'flows/relay.ts', says: refusal },
  'download-finished': {
    by: 'gateway',
    flow: 'flows/fetch.ts',
    says: { sha256: 'SHA-256 of the file', length: 'its bytes', resumedAt: 'from which byte on it came last' },
  },
  'download-failed': { by: 'gateway', flow: 'flows/relay.ts', says: refusal },
  'blob-quarantined': { by: 'gateway', flow: 'flows/fetch.ts', says: refusal },
  'stage-begun': {
    by: 'gateway',
    flow: 'flows/stage.ts',
    says: {
      assignment: 'the id of the assignment',
      sha256: 'SHA-256 of the payload',
      length: 'its bytes',
    },
  },
  'activation-granted': {
    by: 'gateway',
    flow: 'flows/coordinate.ts',
    says: { latest: 'until when it may begin to restart' },
  },
  'activation-withheld': {
    by: 'gateway',
    flow: 'flows/reason.ts',
    says: {
      rule: 'the rule that says no; none: there is nothing to wait for any more',
      about: 'whom or what the rule is about',
      because: 'why, in a sentence',
      value: 'the value that was found',
      threshold: 'the one that it has to be',
      ageMillis: 'how old the value was',
      nextPossible: 'the earliest that it can change',
      controllers: 'who waits for it',
    },
  },
  'controller-report': {
    by: 'fleet',
    flow: 'flows/report.ts',
    says: {
      sequence: 'the report’s own number',
      at: 'the time by the controller’s clock',
      event:
        'what it tells of: manufactured, boot, trial, fallback, golden, staged, withdrawn, armed, confirmed, reverted, dropped, refused, asked, regular',
      state: 'stable, trial or golden',
      version: 'the version that runs',
      digest: 'SHA-256 of the image that runs',
      slot: 'the slot that it runs from',
      counter: 'the security counter',
      assignment: 'the assignment that it is about',
      staged: 'the version that waits in the other slot',
      lastAttempt: 'the version that did not hold last: phase, cause, time',
      refusal: 'why the controller refused',
    },
  },
  'report-refused': {
    by: 'gateway',
    flow: 'flows/report.ts',
    says: {
      ...refusal,
      what: 'entry, report or regular report',
      attempt: 'report',
      leftOut: 'attempts before it that were not written',
    },
    // What it claims to have written may speak of somebody.
    personal: ['actual'],
  },

  'access-granted': {
    by: 'fleet',
    flow: 'flows/sign-in.ts',
    says: {
      by: 'the provider of the identity',
      session: 'the id of the session',
      kind: 'session or browser',
      address: 'where they came from',
    },
    personal: ['address'],
  },
  'access-ended': {
    by: 'fleet',
    flow: 'flows/sign-in.ts',
    says: { credential: 'the id of the token or session', kind: 'token, session or browser', account: 'whose it was' },
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
      event: 'made, changed, enabled, disabled, password, token-made or recovered',
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
      label: 'what the token is for',
      expires: 'when the token ends',
    },
    personal: ['account'],
  },
  'webhook-created': {
    by: 'fleet',
    flow: 'flows/deliver.ts',
    says: {
      webhook: 'its name',
      url: 'whom it tells',
      events: 'of which kinds; none: of all',
      site: 'of which site; empty: of all',
    },
  },
  'webhook-removed': { by: 'fleet', flow: 'flows/deliver.ts', says: { webhook: 'its name' } },
  'delivery-abandoned': {
    by: 'fleet',
    flow: 'flows/deliver.ts',
    says: {
      webhook: 'whom it was for',
      index: 'the entry that it tells of',
      tries: 'how often it was tried',
      fault: 'what was wrong',
    },
  },
  'delivery-repeated': {
    by: 'fleet',
    flow: 'flows/deliver.ts',
    says: { webhook: 'whom it is for', index: 'the entry that it tells of' },
  },
  'store-restored': {
    by: 'fleet',
    flow: 'flows/confirm.ts',
    says: {
      copied: 'when the backup was made',
      entries: 'how many entries the backup had',
      seen: 'the size of the newest checkpoint that others had seen',
      forward: 'entries that were brought forward from a copy that is further',
      above: 'the number that online metadata goes on above',
      revoked: 'tokens and sessions that were revoked',
      passwords: 'passwords that were forgotten',
      campaigns: 'campaigns that were paused',
      accounts: 'accounts that were disabled',
      heard: 'controllers that a gateway heard of before it went on',
      lost: 'the numbers of a site’s outbox that are in no log, from and to',
    },
  },
  'witness-alarm': {
    by: 'fleet',
    flow: 'flows/ask-witnesses.ts',
    says: {
      event: 'too-few, not-signed, or at a gateway log-not-witnessed',
      witness: 'which one',
      size: 'the size of the checkpoint that is not signed',
      origin: 'the name of the log',
      signed: 'the size that was signed last',
      ...refusal,
    },
  },
  'witness-alarm-over': {
    by: 'fleet',
    flow: 'flows/ask-witnesses.ts',
    says: { event: 'enough or signs-again', witness: 'which one', size: 'the size of the checkpoint that is signed' },
  },
  'siem-tested': { by: 'fleet', flow: 'flows/forward.ts', says: { receiver: 'its name' } },
  'siem-lost': {
    by: 'fleet',
    flow: 'flows/forward.ts',
    says: { receiver: 'its name', from: 'the first entry that it has not taken', ...refusal },
  },
  'siem-restored': {
    by: 'fleet',
    flow: 'flows/forward.ts',
    says: { receiver: 'its name', from: 'the first entry that it has not taken' },
  },
  'evidence-exported': {
    by: 'fleet',
    flow: 'flows/seal.ts',
    says: {
      manifest: 'SHA-256 of the statement that seals the pack',
      query: 'what was asked for',
      size: 'how many entries were searched',
      events: 'how many are cited',
    },
  },
  'policy-changed': {
    by: 'fleet',
    flow: 'flows/attest.ts',
    says: {
      policy:
        'publish: what a release must carry; siem: whom the log is forwarded to; server: whom the server lets do what',
      receiver: 'the name of a receiver of the log',
      removed: 'true: it is told no more',
      from: 'from where on it is told',
      host: 'where it is',
      port: 'at which port',
      serverName: 'the name that its certificate must have',
      ca: 'SHA-256 of the authority that it is believed by',
      cert: 'SHA-256 of the certificate that the server shows it',
      demand: 'what a release must carry',
      builders: 'whose builds count',
      provenanceKeys: 'the ids of the keys that sign provenance',
      separateOrganisations: 'whether maker and operator may never meet in one account',
      changeRequest: 'the criticalities that need a change request',
      signIn: 'whether people may come without a certificate',
      anchors: 'the ids of the keys that sign firmware',
      wrappingKey: 'whether the server wraps content keys by itself',
    },
  },
  'maintenance-seen': {
    by: 'fleet',
    flow: 'flows/report.ts',
    says: {
      event: 'what the controller reports of it, as in controller-report',
      work: 'the controller’s own name for the work',
      version: 'the version that it runs',
      report: 'the number of the report that says so',
    },
  },
  'link-lost': { by: 'gateway', flow: 'flows/link-watch.ts', says: refusal },
  'link-restored': {
    by: 'gateway',
    flow: 'flows/link-watch.ts',
    says: { since: 'when it was told that the link was lost', lastedMillis: 'how long ago that is' },
  },
  'intrusion-signal': {
    by: 'gateway',
    flow: 'flows/time.ts',
    says: { ...refusal, done: 'what was done about it' },
  },
}
