import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const trust = { exit: 20, status: 422, action: 'refuse' } as const
const later = { exit: 75, status: 503, action: 'retry' } as const

export const trustCodes = {
  // Metadata of the three repositories.
  'metadata-missing': {
    exit: 69,
    status: 404,
    action: 'retry',
    title: 'the repository does not have the file that its own metadata asks for',
    fix: 'Try again: the repository may be in the middle of a change. If it stays away, the mirror is incomplete or hides it.',
  },
  'metadata-too-large': {
    ...trust,
    title: 'the metadata is larger than it may be',
    fix: 'Nothing of it was used. Check who serves this repository: a file without end is a way to fill a disk.',
  },
  'metadata-unreadable': {
    ...trust,
    title: 'the metadata is not JSON that can be read in one way only',
    fix: 'Nothing of it was used. Fetch it again; if that does not help, tell the keeper of the repository.',
  },
  'metadata-malformed': {
    ...trust,
    title: 'the metadata does not have the form that its role asks for',
    fix: 'Nothing of it was used. Tell the keeper of the repository which file it is.',
  },
  'metadata-below-threshold': {
    ...trust,
    title: 'too few of the keys of the role have signed the metadata',
    fix: 'If a signing is under way, wait for the missing signers. If not, the file does not come from the people it claims to come from.',
  },
  'passkey-not-allowed': {
    ...trust,
    title: 'a passkey stands where none may stand',
    fix: 'Nothing of it was used. Passkeys sign approvals and nothing else: name a key of a file or a token in their place.',
  },
  'assertion-malformed': {
    ...trust,
    title: 'the passkey’s signature does not have the form of one',
    fix: 'Approve again, with the console’s own page. If that does not help, keep the refusal and report it with the browser’s name.',
  },
  'assertion-wrong-type': {
    ...trust,
    title: 'the browser says that something else was asked for than a signature',
    fix: 'Nothing was approved. A new passkey’s answer is no signature: approve on the page of the campaign.',
  },
  'assertion-wrong-challenge': {
    ...trust,
    title: 'the passkey has signed something other than this approval as it stands now',
    fix: 'Something else was approved in between, or the plan is another one. Read the plan again, then approve again.',
  },
  'assertion-wrong-origin': {
    ...trust,
    title: 'the passkey’s signature was asked for by a page of another origin',
    fix: 'Approve at the address that the root names for this passkey. After a move of the console, a ceremony brings in a passkey that was made at the new address.',
  },
  'assertion-cross-origin': {
    ...trust,
    title: 'the passkey’s signature was asked for in a frame of another site',
    fix: 'Nothing was approved. Find out which page it was: it may have hidden the console inside itself.',
  },
  'assertion-wrong-rp': {
    ...trust,
    title: 'the authenticator was asked for another site than the one that the root names for this passkey',
    fix: 'Approve with the passkey that the root names, at the console that it was made at.',
  },
  'assertion-user-not-verified': {
    ...trust,
    title: 'the authenticator has not verified who was there',
    fix: 'Approve again, and give the authenticator its PIN or your finger. An authenticator that can do neither signs no approvals.',
  },
  'assertion-signature-invalid': {
    ...trust,
    title: 'the signature is not by the passkey that it names',
    fix: 'Choose the passkey whose key the approval root names for you. If it was that one, the answer was changed on its way.',
  },
  'metadata-expired': {
    ...trust,
    title: 'the metadata has expired',
    fix: 'Check the clock of this machine first. If it is right, the repository is no longer kept fresh, or somebody holds new metadata back.',
  },
  'metadata-expires-soon': {
    ...trust,
    title: 'the metadata expires soon, and only people can renew it',
    fix: 'Targets: "voltseal publish --renew" with the key of the image repository; approvals are renewed by the next approval. Root: hold a ceremony. After the expiry no site takes anything new from this repository.',
  },
  'metadata-rollback': {
    ...trust,
    title: 'the metadata is older than what is already trusted',
    fix: 'Check who serves this repository: an old state is being offered. After a restored backup, the keeper must sign higher versions.',
  },
  'metadata-version-mismatch': {
    ...trust,
    title: 'the metadata has another version than the one that was announced',
    fix: 'Try again: the repository may be in the middle of a change. If it stays, files of different states are being mixed.',
  },
  'metadata-length-mismatch': {
    ...trust,
    title: 'the metadata has another length than the one that was announced',
    fix: 'Try again: the transfer may have been cut. If it stays, the file was changed after it was announced.',
  },
  'metadata-digest-mismatch': {
    ...trust,
    title: 'the metadata is not the file that was announced',
    fix: 'Try again. If it stays, the file was changed after it was announced: check who serves this repository.',
  },
  'metadata-unlisted': {
    ...trust,
    title: 'the metadata of a delegated role is not announced by the snapshot',
    fix: 'The keeper of the repository must sign a snapshot that names the role.',
  },
  'metadata-wrong-site': {
    ...trust,
    title: 'the metadata is of another site',
    fix: 'Nothing of it was used. Metadata of one site is being served to another: look into the fleet server.',
  },
  'metadata-signature-invalid': {
    ...trust,
    title: 'the signature does not hold',
    fix: 'Sign again, over exactly the bytes that the draft shows.',
  },
  'root-version-skipped': {
    ...trust,
    title: 'the root is not the next one after the trusted root',
    fix: 'Publish every root since the first: devices follow them one by one.',
  },
  'root-chain-too-long': {
    ...later,
    title: 'there are more new roots than are followed in one go',
    fix: 'The roots so far were kept. The next try goes on from there by itself.',
  },
  'store-without-root': {
    exit: 78,
    status: 500,
    action: 'halt',
    title: 'no trusted root is stored for the repository',
    fix: 'Provision the first root again, from a source that you trust as much as the device itself.',
  },
  'delegations-too-many': {
    ...trust,
    title: 'the search for a target met more delegations than are followed',
    fix: 'The keeper of the repository must flatten the delegations.',
  },

  // Writing metadata.
  'role-unsatisfiable': {
    ...data,
    title: 'the role asks for more signatures than it has different keys',
    fix: 'Lower the threshold or add keys: nobody could sign for this role.',
  },
  'online-key-missing': {
    exit: 78,
    status: 503,
    action: 'halt',
    title: 'the server does not hold the keys that the root names for this role',
    fix: 'Put the private key beside the others, in keys/next of the server’s folder, and start it again. If the keys in the folder are new, their root has not been handed in yet: what they sign no client would take.',
  },
  'root-orphans-targets': {
    ...data,
    title: 'under the new root, the targets in force have too few signatures',
    fix: 'Have the targets in force signed anew by keys of the new root, and hand them in together with it. Nothing has changed.',
  },
  'root-targets-differ': {
    ...trust,
    title: 'the targets that came with the new root say something that is not in force',
    fix: 'A root changes keys and nothing else. Sign the targets in force, without additions; publish what is new afterwards.',
  },
  'bins-layout-changed': {
    ...data,
    title: 'the hash bins of the repository would become others',
    fix: 'A repository that has hash bins keeps them, with the same number and names, and has no targets beside them. Publish with the current tools.',
  },
  'bins-keys-differ': {
    ...trust,
    title: 'the hash bins are not delegated to the keys of the targets',
    fix: 'Bins are signed by the keys of the top-level targets, as the root names them. After these keys have changed, all bins are signed anew.',
  },
  'bin-missing': {
    ...data,
    title: 'not all hash bins came with the targets',
    fix: 'When a repository gets bins, or its keys change, every bin is signed and handed in at once. Nothing has changed.',
  },
  'bin-unknown': {
    ...data,
    title: 'the file is not a hash bin of this repository',
    fix: 'Hand in the bins that the targets name, and nothing else.',
  },
  'metadata-wrong-role': {
    ...trust,
    title: 'the targets were signed for another place in the repository',
    fix: 'Nothing of it was taken. The server or the path to it serves one file as another: compare it with an export of the repository, and find out who holds the online keys.',
  },
  'target-outside-bin': {
    ...trust,
    title: 'the target stands in a hash bin where nobody looks for it',
    fix: 'Publish with the current tools: the SHA-256 of its path says in which bin a target stands.',
  },
  'signer-not-in-role': {
    ...data,
    title: 'the key does not belong to the role',
    fix: 'Sign with a key that the role names. The root, or the delegating role, says which those are.',
  },
  'target-conflict': {
    ...data,
    title: 'the target is already published with other content',
    fix: 'Give the new content a name of its own. A published target never changes.',
  },

  // From what the repositories say to what a site does.
  'director-delegates': {
    ...trust,
    title: 'the director has delegated its role',
    fix: 'The director decides itself. Remove the delegation from its targets.',
  },
  'assignment-malformed': {
    ...trust,
    title: 'the assignment of the director cannot be read',
    fix: 'Check that gateway and fleet server run matching versions. Nothing is installed from it.',
  },
  'assignment-controller-unknown': {
    ...trust,
    title: 'the assignment is for a controller that the site does not have',
    fix: 'Compare the site description at the fleet server with the one at the gateway.',
  },
  'assignment-controller-twice': {
    ...trust,
    title: 'a controller is assigned more than one release',
    fix: 'Nothing is installed. Halt one of the two campaigns.',
  },
  'assignment-target-missing': {
    ...trust,
    title: 'the image repository does not have what the director assigns',
    fix: 'Nothing is installed. Publish the release; if it is published, the director or the image repository is not what it was.',
  },
  'assignment-target-disagrees': {
    ...trust,
    title: 'the director and the image repository disagree about the release',
    fix: 'Nothing is installed. One of the two has been changed: find out which before anything else is done.',
  },
  'image-target-malformed': {
    ...trust,
    title: 'the image repository does not describe the release as it should',
    fix: 'Publish the release again with the current tools. Nothing is installed from it.',
  },
  'assignment-wrong-class': {
    ...trust,
    title: 'the release is for another class of controller',
    fix: 'Nothing is installed. Take the controller out of the campaign, or correct its class in the site description.',
  },
  'assignment-wrong-hardware': {
    ...trust,
    title: 'the release is for another hardware revision',
    fix: 'Nothing is installed. Take the controller out of the campaign, or correct its revision in the site description.',
  },
  'assignment-not-approved': {
    ...trust,
    title: 'the approvers have not approved the campaign',
    fix: 'Nothing is installed. Have the plan approved; if nobody knows the campaign, the fleet server is not what it was.',
  },
  'plan-missing': {
    ...later,
    title: 'the approved plan could not be fetched',
    fix: 'Try again. Until the plan is there, nothing of its campaign is installed.',
  },
  'plan-altered': {
    ...trust,
    title: 'the plan is not the one that was approved',
    fix: 'Nothing is installed. Fetch it again; if it stays, the plan was changed after its approval.',
  },
  'assignment-not-planned': {
    ...trust,
    title: 'the approved plan does not give this release to this controller',
    fix: 'Nothing is installed. The director asks for something that nobody approved: look into the fleet server.',
  },

  // What controllers and gateways say of themselves.
  'report-malformed': {
    ...data,
    title: 'the report does not have the form of a report',
    fix: 'Check that the controller runs a matching version of the agent.',
  },
  'report-signature-invalid': {
    ...trust,
    title: 'the report is not signed by the report key of the controller',
    fix: 'It was not taken in. If the board was exchanged, enrol the new one; if not, somebody speaks in its name.',
  },
  'report-wrong-controller': {
    ...trust,
    title: 'the report speaks of another controller than the one it came from',
    fix: 'It was not taken in. Look at the controller that sent it.',
  },
  'report-replayed': {
    ...trust,
    title: 'the report is not newer than the last one',
    fix: 'It was not taken in. If the controller keeps sending it, look at the link, and at who is on it.',
  },
  'report-nonce-mismatch': {
    ...trust,
    title: 'the report does not answer the question that was asked',
    fix: 'It was not taken in. Ask again; if it stays, old answers are being played back.',
  },
  'site-manifest-malformed': {
    ...data,
    title: 'the site manifest does not have the form of one',
    fix: 'Check that the gateway runs a matching version.',
  },
  'site-manifest-signature-invalid': {
    ...trust,
    title: "the site manifest is not signed by the gateway's key",
    fix: 'It was not taken in. If the gateway was exchanged, enrol the new one; if not, somebody speaks in its name.',
  },
  'site-manifest-wrong-site': {
    ...trust,
    title: 'the site manifest is of another site',
    fix: 'It was not taken in. Look at the gateway that sent it.',
  },
  'site-manifest-batch-differs': {
    exit: 20,
    status: 422,
    action: 'halt',
    title: 'the gateway did not sign what was handed over with its manifest',
    fix: 'Somebody else speaks with the gateway’s certificate, or its program is faulty. Nothing was taken in.',
  },
  'site-manifest-replayed': {
    ...trust,
    title: 'the site manifest is older than the last one',
    fix: 'It was not taken in. Look at the link of the site, and at who is on it.',
  },
} as const satisfies CodeTable
