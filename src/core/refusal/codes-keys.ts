import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const usage = { exit: 64, status: 400, action: 'refuse' } as const
const pin = { exit: 77, status: 403, action: 'refuse' } as const

/** Keys in tokens (PKCS #11), and signing on a machine of its own. */
export const keyCodes = {
  'key-uri-malformed': {
    ...usage,
    title: 'the reference to a key in a token cannot be read',
    fix: 'Write it as "pkcs11:token=TOKEN;object=KEY?module-path=/PATH/MODULE.so&pin-source=file:/PATH", in quotes, other characters percent-encoded.',
  },
  'key-uri-with-pin': {
    ...usage,
    title: 'a PIN stands in the command line, where every program on this machine can read it',
    fix: 'Change the PIN: it is in the shell’s history. Then put the new one into a file of mode 600 and name it with pin-source, or name none and be asked.',
  },
  'pkcs11-support-missing': {
    exit: 78,
    status: 500,
    action: 'refuse',
    title: 'this installation cannot speak to tokens',
    fix: 'Install a C++ compiler, make and python3, delete node_modules in the folder of Voltseal and run "node scripts/bootstrap.cjs" there: it builds the package pkcs11js. Keys in files work without it.',
  },
  'pkcs11-module-missing': {
    exit: 66,
    status: 404,
    action: 'refuse',
    title: 'the PKCS #11 module does not exist',
    fix: 'Install the software of the token’s maker and give the path of its module in module-path.',
  },
  'pkcs11-module-unusable': {
    exit: 78,
    status: 500,
    action: 'refuse',
    title: 'the PKCS #11 module cannot be used',
    fix: 'Check that module-path names the PKCS #11 module, that it is built for this machine, and that it finds its own configuration (of SoftHSM 2: SOFTHSM2_CONF).',
  },
  'token-missing': {
    exit: 69,
    status: 404,
    action: 'retry',
    title: 'the token is not there',
    fix: 'Plug it in, or start the service that it is reached by; "voltseal key list" shows the tokens that a module sees.',
  },
  'token-ambiguous': {
    ...data,
    title: 'more than one token fits the reference',
    fix: 'Add the serial number of the one that is meant to the reference.',
  },
  'token-removed': {
    exit: 75,
    status: 503,
    action: 'retry',
    title: 'the token has gone while it was in use',
    fix: 'Plug it in again and run the same command again: what had been signed before is not lost.',
  },
  'token-failed': {
    exit: 74,
    status: 500,
    action: 'retry',
    title: 'the token answered with an error',
    fix: 'Look the code up in the manual of the token. If it stays, take the token out of use.',
  },
  'token-pin-needed': {
    ...pin,
    title: 'the token wants a PIN and none was given',
    fix: 'Run the command in a terminal to be asked for it, or put it into a file of mode 600 and add pin-source=file:/PATH to the reference.',
  },
  'token-pin-wrong': {
    ...pin,
    title: 'the PIN is wrong',
    fix: 'Correct it before anything tries again: most tokens lock themselves after a few wrong ones.',
  },
  'token-pin-last-try': {
    ...pin,
    title: 'one more wrong PIN would lock the token',
    fix: 'Run the command in a terminal with no pin-source in the reference, and type the PIN. A right one sets the count back.',
  },
  'token-pin-locked': {
    exit: 77,
    status: 403,
    action: 'halt',
    title: 'the token has locked its PIN',
    fix: 'Somebody tried too many PINs. Find out who, then set a new PIN with the token’s security officer PIN.',
  },
  'pin-file-permissions': {
    ...pin,
    title: 'other users of this machine may read the PIN',
    fix: 'Run "chmod 600" on the file. If others had access to this machine, change the PIN.',
  },
  'pin-file-malformed': {
    ...data,
    title: 'the file does not hold a PIN',
    fix: 'Write the PIN into it, alone in one line.',
  },
  'token-key-missing': {
    exit: 66,
    status: 404,
    action: 'refuse',
    title: 'the token has no private key of that name',
    fix: '"voltseal key list" shows the keys of a token; "voltseal key generate" makes one.',
  },
  'token-key-ambiguous': {
    ...data,
    title: 'more than one key of the token fits the reference',
    fix: 'Add the id of the one that is meant: id=%01%02, as "voltseal key list" shows it.',
  },
  'token-key-not-for-signing': {
    ...data,
    title: 'the key is not made for signing',
    fix: 'Use a key that the token lets sign: "voltseal key generate" makes one.',
  },
  'token-public-key-missing': {
    ...data,
    title: 'the token does not have the public half of the key',
    fix: 'Put the public key, or a certificate, into the token under the id of the private key.',
  },
  'token-key-copyable': {
    exit: 73,
    status: 500,
    action: 'halt',
    title: 'the token made a key that can be copied out of it, though it was asked for one that cannot',
    fix: 'The key was destroyed again. Check the policy of the token, or use another one.',
  },

  // Signing on a machine of its own.
  'signing-request-malformed': {
    ...data,
    title: 'the signing request cannot be read',
    fix: 'Nothing was signed. Make the request again, and carry the whole file.',
  },
  'signing-request-altered': {
    exit: 20,
    status: 422,
    action: 'halt',
    title: 'the signing request asks to sign something else than what is in it',
    fix: 'Nothing was signed. Find out who changed the file on its way, before a new request is made.',
  },
  'signing-request-other': {
    ...data,
    title: 'the signing request is about something else',
    fix: 'Check that it was made for this release or this repository. Nothing was added.',
  },
  'signing-request-stale': {
    exit: 75,
    status: 409,
    action: 'refuse',
    title: 'somebody else has signed and published since the request was made',
    fix: 'Make the request again, from what is published now, and have that signed.',
  },
  'signing-request-wrong-key': {
    ...data,
    title: 'the signing request asks for the signature of another key',
    fix: 'Sign with the key that it names, or have a request made for yours.',
  },
  'signing-request-unsigned': {
    ...data,
    title: 'the signing request has not been signed yet',
    fix: 'Carry it to the machine with the key, run "voltseal sign" there, and carry the signed file back.',
  },
  'signing-request-signature-invalid': {
    exit: 20,
    status: 422,
    action: 'refuse',
    title: 'the signature is not over what was asked for, or not by the key that was asked',
    fix: 'Nothing was added. Sign again, with the key that the request names, over exactly its bytes.',
  },
} as const satisfies CodeTable
