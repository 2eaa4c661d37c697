import type { CodeTable } from './code.ts'

/** The command line, files, keys, certificates: what a person hands to a program, and what the machine under it says. */
export const worldCodes = {
  'usage-error': {
    exit: 64,
    status: 400,
    action: 'refuse',
    title: 'the command is not written as it should be',
    fix: 'Run the same command with --help: it lists the arguments and the options.',
  },
  'code-unknown': {
    exit: 66,
    status: 404,
    action: 'refuse',
    title: 'there is no refusal of that code',
    fix: 'Run "voltseal explain" to list every code.',
  },

  // Files that a person names.
  'file-missing': {
    exit: 66,
    status: 404,
    action: 'refuse',
    title: 'the file does not exist',
    fix: 'Check the path: it is taken from the folder in which the command runs.',
  },
  'file-unreadable': {
    exit: 66,
    status: 422,
    action: 'refuse',
    title: 'the file cannot be read',
    fix: 'Check that it is a regular file and that this user may read it.',
  },
  'file-exists': {
    exit: 73,
    status: 409,
    action: 'refuse',
    title: 'a file of that name exists',
    fix: 'Choose another name, or take the old file away first: it may be the only one of its kind.',
  },
  'file-too-large': {
    exit: 65,
    status: 413,
    action: 'refuse',
    title: 'the file is larger than is read',
    fix: 'Check that the path names the right file. Nothing of it was read.',
  },
  'config-malformed': {
    exit: 78,
    status: 422,
    action: 'refuse',
    title: 'the file is not what Voltseal reads in its place',
    fix: 'Correct the named place. The documentation of the file says what each field is.',
  },
  'file-not-permitted': {
    exit: 77,
    status: 500,
    action: 'refuse',
    title: 'this user may not do that with the file or folder',
    fix: 'Check its owner and its mode, that its file system can be written, and as which user the command should run.',
  },
  'no-space': {
    exit: 74,
    status: 507,
    action: 'retry',
    title: 'the disk is full',
    fix: 'Make room on the disk or raise the quota, then run the same again: nothing half-written is used.',
  },

  // Keys and certificates.
  'key-exists': {
    exit: 73,
    status: 409,
    action: 'refuse',
    title: 'a key of that name exists',
    fix: 'Choose another name. Voltseal never overwrites a key: what it has signed could no longer be continued.',
  },
  'key-not-written': {
    exit: 73,
    status: 500,
    action: 'refuse',
    title: 'the key cannot be written',
    fix: 'Check that this user may write into the folder.',
  },
  'key-file-permissions': {
    exit: 77,
    status: 500,
    action: 'refuse',
    title: 'other users of this machine may read the private key',
    fix: 'Run "chmod 600" on the file. If others had access to this machine, make a new key and retire this one.',
  },
  'key-malformed': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'this is not the key that is needed here',
    fix: 'Give the private key (PKCS#8 in PEM, without a passphrase) to sign, and the .pub file to verify. The key of a log is no file but one word, NAME+ID+BASE64: auditKey in a profile.',
  },
  'key-algorithm-unsupported': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'keys of this kind are not used here',
    fix: 'Make a key with "voltseal key generate": it offers the kinds that are accepted.',
  },
  'certificate-malformed': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the certificate cannot be read',
    fix: 'Check that the file is one certificate in PEM, and that the key beside it belongs to it.',
  },
  'certificate-request-malformed': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the certificate request cannot be read',
    fix: 'Make the request again on the device that holds the key.',
  },
  'certificate-request-unproven': {
    exit: 20,
    status: 422,
    action: 'refuse',
    title: 'the certificate request is not signed by the key that it names',
    fix: 'Make the request again on the device that holds the key. If it still fails, somebody changed it on the way.',
  },
  'not-permitted': {
    exit: 77,
    status: 403,
    action: 'refuse',
    title: 'the identity that asks may not do this',
    fix: 'Use the certificate or the account of a person or device that has this right.',
  },
} as const satisfies CodeTable
