import { campaignForms } from './entry-details-campaign.ts'
import { peopleForms } from './entry-details-people.ts'
import { type EntryForm, refusal } from './entry-form.ts'
import type { EntryKind } from './entry-kinds.ts'

/** What a patch is between. */
const between = {
  base: 'SHA-256 of the image that it is from; of nothing: the compressed image',
  target: 'SHA-256 of the image that it makes',
}

/** Every kind with its form; those of campaigns and of people in files of their own. */
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
  'patch-wanted': { by: 'fleet', flow: 'flows/make-patches.ts', says: between },
  'patch-made': {
    by: 'fleet',
    flow: 'flows/patch-told.ts',
    says: {
      ...between,
      patch: 'SHA-256 of the patch',
      bytes: 'its bytes',
      memory: 'bytes of memory that applying it takes',
      millis: 'how long making it took',
    },
  },
  'patch-not-made': {
    by: 'fleet',
    flow: 'flows/patch-told.ts',
    says: { ...between, expected: refusal.expected, actual: refusal.actual },
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
      reportKey: 'the key that signs its reports and histories: SubjectPublicKeyInfo in base64',
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
  'patch-refused': {
    by: 'gateway',
    flow: 'flows/way.ts',
    says: {
      assignment: 'the id of the assignment',
      sha256: 'SHA-256 of the patch',
      base: 'SHA-256 of the images that it is made from',
      length: 'its bytes',
      by: 'controller: it could not use it; gateway: it could not be had',
    },
  },
  'full-image-allowed': {
    by: 'gateway',
    flow: 'flows/full-images.ts',
    says: {
      sha256: 'SHA-256 of the payload',
      by: 'command: somebody at the gateway’s command line; or the pseudonym of somebody on its page',
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
      rule: 'the rule that says no; link: the image has not come over the link; none: there is nothing to wait for any more',
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
      decisions: 'the newest decision that it attests',
      breaks: 'decisions that were attested before and not told: code, from, to',
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
  'device-history': {
    by: 'fleet',
    flow: 'flows/fold.ts',
    says: {
      signed: 'the stretch of history, as the controller signed it: every decision, and from-to what its ring lost',
      sig: 'the signature over it by the report key, DER in hex',
      breaks: 'what does not follow what was told before: code, from, to',
    },
  },
  'site-log-lost': {
    by: 'fleet',
    flow: 'flows/fold.ts',
    says: { from: 'the first number that is gone', to: 'the last one' },
  },
  'site-log-continued': {
    by: 'gateway',
    flow: 'flows/go-back.ts',
    says: {
      behind: 'the number that the fleet had',
      acknowledged: 'the number that this gateway knew to be acknowledged',
      given: 'the last number that it had given',
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

  ...peopleForms,
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
      passkeys: 'passkeys that are good no more',
      campaigns: 'campaigns that were paused',
      accounts: 'accounts that were disabled',
      heard: 'controllers that a gateway heard of before it went on',
      lost: 'the numbers of a site’s outbox that are in no log, from and to, and its head behind them',
    },
  },
  'witness-alarm': {
    by: 'fleet',
    flow: 'flows/ask-witnesses.ts',
    says: {
      event: 'too-few or not-signed',
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
      setting:
        'of the server: governance, sign-in, anchors, authority, wrapping, witnesses, archive, webhooks, silence or metadata',
      before: 'SHA-256 of what was in force before; null: it was not known',
      after: 'SHA-256 of what is in force now; null: nothing',
      receiver: 'the name of a receiver of the log',
      removed: 'true: it is told no more',
      from: 'from where on it is told',
      host: 'where it is',
      port: 'at which port',
      serverName: 'the name that its certificate must have',
      ca: 'SHA-256 of the authority that it is believed by; of the server: by which people and gateways come in',
      cert: 'SHA-256 of the certificate that the server shows it',
      demand: 'what a release must carry',
      builders: 'whose builds count',
      provenanceKeys: 'the ids of the keys that sign provenance',
      separateOrganisations: 'whether maker and operator may never meet in one account',
      changeRequest: 'the criticalities that need a change request',
      signIn: 'whether people may come without a certificate',
      openid: 'the parties that vouch for people',
      console: 'where the console listens, and its address where the config says one; null: nowhere',
      anchors: 'the ids of the keys that sign firmware',
      wrappingKey: 'SHA-256 of the key by which the server opens content keys; null: people bring the wraps',
      witnesses: 'SHA-256 of the policy that says who witnesses the log; null: nobody has to',
      patienceMillis: 'how long witnesses may take',
      days: 'for how many days entries stay at hand, by kind',
      otherwise: 'those of all other kinds; null: as comes with the program',
      allow: 'where receivers of webhooks may be, beside public addresses',
      controllerMillis: 'behind how long people are told of a controller that has not reported',
      gatewayMillis: 'and of a gateway that has not called',
      metadataMillis: 'how long online metadata stays valid',
      warningDays: 'how many days before its expiry people are told of metadata that only they can renew',
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
    says: {
      ...refusal,
      done: 'what was done about it',
      event: 'log-not-witnessed: a gateway does not sign the log',
      origin: 'the name of the log that it does not sign',
      signed: 'the size that it signed last',
    },
  },
}
