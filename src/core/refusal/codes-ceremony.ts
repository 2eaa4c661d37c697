import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const trust = { exit: 20, status: 422, action: 'refuse' } as const

/** Ceremonies: people sign the next root or the next delegations of a repository. */
export const ceremonyCodes = {
  'ceremony-malformed': {
    ...data,
    title: 'the ceremony is not one that can be read',
    fix: 'Copy the whole folder again from the machine where the ceremony was started. Sign nothing that cannot be shown.',
  },
  'ceremony-not-next': {
    ...trust,
    title: 'the document does not follow what is in force',
    fix: 'Somebody else closed a ceremony in the meantime, or this one is old. Start a new one from what is in force now.',
  },
  'ceremony-over': {
    ...trust,
    title: 'the time for this ceremony is over',
    fix: 'Check the clock first. If it is right, start a new ceremony: the deadline is part of what was signed.',
  },
  'ceremony-as-publication': {
    ...trust,
    title: 'what was signed at a ceremony is handed in as a publication',
    fix: 'Hand it in with `voltseal ceremony close`, before its deadline: only so it is judged as a ceremony, and told in the log.',
  },
  'ceremony-altered': {
    ...trust,
    title: 'a signature was given over something else, or by somebody else',
    fix: 'Do not sign. The document was changed after that signature, or somebody signed in another’s name. Compare the digests with the person who started the ceremony.',
  },
  'ceremony-already-signed': {
    ...data,
    title: 'this key has signed the ceremony already',
    fix: 'Nothing is missing from you. `voltseal ceremony status` lists who has not signed yet.',
  },
  'ceremony-signatures-missing': {
    exit: 75,
    status: 422,
    action: 'retry',
    title: 'not everybody has signed who is needed',
    fix: 'Bring the ceremony’s folder to the people who are named, and close it again.',
  },
  'ceremony-unchanged': {
    ...data,
    title: 'the ceremony would change nothing',
    fix: 'Say what is to change, such as --replace-key, --add-signer, --remove-signer or --threshold; to renew a document as it is, say --renew.',
  },
  'ceremony-rehearsal': {
    ...trust,
    title: 'a rehearsal and the real thing are mixed up',
    fix: 'Signatures of a rehearsal are worth nothing outside it, and real keys have no business in one.',
  },
  'ceremony-key-unknown': {
    ...data,
    title: 'there is no such key, role or target to change',
    fix: 'Name a key by its id (16 digits of it will do), by its holder’s name, or by its .pub file. `voltseal ceremony roles` lists them.',
  },
  'ceremony-key-twice': {
    ...trust,
    title: 'the role would have the same key twice',
    fix: 'Each signer has a key of their own: thresholds count different keys.',
  },
  'ceremony-key-misnamed': {
    ...trust,
    title: 'a key stands under an id that is not its own',
    fix: 'Do not sign. Somebody tries to bring one key in under two names, or in the place of another.',
  },
  'ceremony-owner-twice': {
    ...trust,
    title: 'one person would hold two keys of the same role',
    fix: 'Give the key to somebody else, or name its holder as it is: thresholds count different people.',
  },
  'ceremony-root-other': {
    ...trust,
    title: 'the ceremony stands on another root than the one that is trusted here',
    fix: 'Do not sign: somebody made another root. First see whether the trusted root is of this repository; then fetch the roots from a second place.',
  },
  'ceremony-root-older': {
    ...trust,
    title: 'the ceremony ends at an older root than the one that is trusted here',
    fix: 'Copy the whole folder again; if another ceremony was closed since, start a new one. If neither is so, do not sign: somebody keeps a newer root back.',
  },
  'ceremony-root-missing': {
    exit: 66,
    status: 404,
    action: 'refuse',
    title: 'there is no trusted root to judge the ceremony by',
    fix: 'Name the root of this repository that you trust: --root FILE. It is the file that you were given when you became a key holder.',
  },
  'ceremony-exists': {
    exit: 73,
    status: 409,
    action: 'refuse',
    title: 'there is something at the place of the ceremony already',
    fix: 'Name another folder. A ceremony that was begun is never overwritten.',
  },
  'metadata-wrong-repository': {
    ...trust,
    title: 'the metadata was signed for another repository',
    fix: 'Nothing of it was used. Metadata of one repository is being served as that of another: look into who serves it.',
  },
  'metadata-of-rehearsal': {
    ...trust,
    title: 'the metadata was signed at a rehearsal',
    fix: 'Nothing of it was used. What a rehearsal makes is worth nothing outside it: look into who serves it.',
  },
} as const satisfies CodeTable
