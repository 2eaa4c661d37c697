/**
 * Every kind of audit entry, with what it records. The list is closed: a kind that is not here cannot be written or
 * read, so a word that nobody can explain never stands in the log. Kinds are added, never renamed or taken away.
 */
export const entryKinds = {
  'log-opened': 'The log begins, or a server opens it after a start.',
  'clock-set-back':
    'The clock of the server went back: the entries right before this one have an earlier time than those before them.',

  'release-published': 'A signed release was put into the image repository.',
  'release-revoked': 'A release was taken out of the image repository.',
  'patch-wanted': 'A person asked for a patch between two images.',
  'patch-made': 'The fleet server made a patch between two images, which controllers may be offered.',
  'patch-not-made': 'There is no patch between two images, and why: the full image is sent.',
  'repository-updated': 'New metadata of a repository was published.',
  'repository-alarm': 'Metadata of a repository nears its expiry, or could not be renewed.',
  'root-rotated': 'A new root of trust was published.',
  'ceremony-closed': 'People signed a new root or new delegations together: who, what, and what it changed.',
  'key-event': 'A signing key was made, replaced, revoked or retired.',
  'certificate-event': 'A certificate was issued, renewed or revoked.',

  'site-registered': 'A site and its gateway were registered or changed.',
  'inventory-imported': 'A list of controllers was taken into the inventory, as what somebody’s records claim.',
  'controller-registered': 'A controller was registered with the key that signs its reports.',

  'campaign-created': 'A campaign plan was made.',
  'approval-signed': 'An approver signed the plan; more signatures may be needed.',
  'plan-rejected': 'An approver rejected the plan for good, and said why.',
  'campaign-approved': 'The plan was approved: its exact bytes are pinned in the approval repository.',
  'content-keys-wrapped':
    'A person brought wrapped content keys for the controllers of a campaign; it says how many wraps they replace.',
  'campaign-started': 'The campaign was started.',
  'campaign-paused': 'The campaign was paused, by a person or by a gate.',
  'campaign-resumed': 'The campaign goes on after a pause.',
  'campaign-retried': 'The failed controllers of a wave get another turn.',
  'campaign-halted': 'The campaign was halted for good.',
  'campaign-done': 'The last wave passed its gate.',
  'campaign-rolling-back': 'What the campaign installed is undone, the last first.',
  'campaign-rolled-back': 'Everything of the campaign that can go back has gone back.',
  'campaign-priority-raised': 'The deadline of the campaign draws near, and its priority rises as the plan says.',
  'wave-opened': 'A wave opened: its controllers may be updated.',
  'wave-soaking': 'Every controller of the wave has confirmed or failed; the soak begins.',
  'wave-passed': 'The wave passed its gate.',
  'wave-failed': 'The wave did not pass its gate.',

  'controller-assigned': 'The director told a site which release a controller gets.',
  'controller-confirmed': 'A controller attested that it runs the release and is healthy.',
  'controller-failed': 'A controller reverted, refused or did not come back in time.',
  'controller-retried': 'A controller gets another try after a passing fault.',
  'controller-again': 'A person gives a failed controller another row of tries.',
  'controller-regressed': 'A controller that had confirmed no longer runs the release.',
  'controller-recovered': 'A controller that had counted as failed confirmed after all.',
  'controllers-joined': 'Controllers that came to match the selection of a campaign joined one of its waves.',
  'controller-overtaken': 'A controller runs something newer than the campaign would give it, and needs nothing of it.',
  'controller-returned': 'A controller attested that it runs the release that undoes what the campaign gave it.',
  'controller-left':
    'A controller cannot be ordered anything by the campaign any more, with the reason. It is no failure.',
  'controller-kept': 'A controller was not taken back, with the reason.',

  'assignment-verified': 'A gateway verified an assignment against all three repositories.',
  'assignment-refused': 'A gateway refused an assignment or the metadata behind it.',
  'download-finished': 'A gateway downloaded a release and verified its digest.',
  'download-failed': 'A download ended without a verified release.',
  'blob-quarantined': 'A cached file no longer had its digest and was moved aside.',
  'stage-begun': 'A controller began to fetch the release that it is to stage.',
  'patch-refused':
    'A controller could not use the patch that it was offered, or its gateway could not get it: another way is taken.',
  'full-image-allowed': 'A person at the site let a full image come over a link on which it waits for one.',
  'activation-granted': 'A gateway allowed a controller to restart into the release.',
  'activation-withheld': 'A gateway did not allow a controller to restart now, with the reason.',
  'controller-report': 'A signed report of a controller was accepted, with what it attests.',
  'device-history': 'A stretch of a controller’s own history was accepted, with what of it does not follow.',
  'site-log-lost': 'A gateway says that it lost a stretch of its own log before it could hand it over.',
  'site-log-continued': 'A person let a gateway go on behind what the fleet has of its log.',
  'report-refused': 'A report was refused: signature, sequence or content.',

  'access-granted': 'A person or machine signed in.',
  'access-ended': 'A person signed out, or a token or session was revoked.',
  'site-access-granted': 'Somebody signed in at a gateway’s own page.',
  'site-access-ended': 'Somebody signed out of a gateway’s own page.',
  'site-people-changed':
    'A person at a gateway said who may sign in at its page: let in, changed, shut out or forgotten.',
  'access-refused': 'A request was refused for who made it or what it asked.',
  'account-forgotten': 'Whom the log speaks of by a pseudonym was forgotten for good.',
  'account-changed': 'An account was made or changed: roles, keys, standing, password or tokens.',
  'webhook-created': 'Somebody outside is told of what happens, from now on.',
  'webhook-removed': 'Somebody outside is told no more.',
  'delivery-abandoned': 'A message to somebody outside was tried too often and set aside.',
  'delivery-repeated': 'A person had a message sent again that was set aside.',
  'siem-tested': 'A person had this entry made, to see it arrive at a receiver of the log.',
  'siem-lost': 'A receiver of the log has taken nothing for longer than it should.',
  'siem-restored': 'A receiver of the log takes entries again.',
  'policy-changed': 'A setting that decides who may do what was changed.',
  'store-restored': 'A store that was restored from a backup goes on; of a site: what was lost of it since.',
  'evidence-exported': 'A person took an evidence pack out: what was asked for, and the digest that seals it.',
  'maintenance-seen': 'A controller attests that somebody worked on it on the spot, without an order of the fleet.',
  'link-lost': 'A gateway could not reach the fleet for longer than it should.',
  'link-restored': 'A gateway reaches the fleet again.',
  'witness-alarm':
    'Too few witnesses signed the checkpoint of the log in time, or one of them says that the log is not the one it knows.',
  'witness-alarm-over': 'Enough witnesses have signed the checkpoint of the log again, or one of them signs again.',
  'intrusion-signal': 'Something happened that only an attack or a serious fault explains.',
} as const satisfies Readonly<Record<string, string>>

export type EntryKind = keyof typeof entryKinds

/**
 * What a gateway may say of its site in its own name. All other kinds are the fleet's to write: a gateway that could
 * write them would tell of assignments and approvals that never were.
 */
const gatewayKinds: ReadonlySet<EntryKind> = new Set<EntryKind>([
  'log-opened',
  'key-event',
  'assignment-verified',
  'assignment-refused',
  'download-finished',
  'download-failed',
  'blob-quarantined',
  'stage-begun',
  'patch-refused',
  'full-image-allowed',
  'activation-granted',
  'activation-withheld',
  'report-refused',
  'site-log-continued',
  'access-refused',
  'site-access-granted',
  'site-access-ended',
  'site-people-changed',
  'link-lost',
  'link-restored',
  'store-restored',
  'intrusion-signal',
])

export const isGatewayKind = (kind: EntryKind): boolean => gatewayKinds.has(kind)

/** Narrows a word to a kind. */
export function isEntryKind(word: string): word is EntryKind {
  return Object.hasOwn(entryKinds, word)
}
