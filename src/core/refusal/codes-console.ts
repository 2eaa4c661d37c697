import type { CodeTable } from './code.ts'

/** The console's door: where it may listen, and what it answers. */
export const consoleCodes = {
  'console-not-loopback': {
    exit: 78,
    status: 500,
    action: 'refuse',
    title: 'without a certificate, the console may only listen on this machine itself',
    fix: 'Name a cert and its key that browsers trust, or set console.host to 127.0.0.1 or ::1 and forward the same port over SSH, or put a proxy before it.',
  },
  'console-certificate-unusable': {
    exit: 78,
    status: 500,
    action: 'refuse',
    title: 'the console’s certificate and key cannot be used',
    fix: 'Name in console.cert a certificate in PEM, followed by those above it, and in console.key its private key, unencrypted, in PEM.',
  },
  'console-request-foreign': {
    exit: 77,
    status: 403,
    action: 'refuse',
    title: 'the request was not made to the console by its own name, or not by its own page',
    fix: 'Open the address that the server names when it starts (console.url). A forwarded port must keep its number, and a proxy the name.',
  },
  'console-not-built': {
    exit: 69,
    status: 503,
    action: 'retry',
    title: 'the console’s files are not there',
    fix: 'Run "npm run build:console", then start the server again.',
  },
  'site-people-unusable': {
    exit: 78,
    status: 503,
    action: 'halt',
    title: 'the list of who may sign in at the gateway’s page cannot be used, so that nobody may',
    fix: 'At the gateway, run "voltseal gateway account list FOLDER": it says what is wrong with people.json, which must belong to the gateway’s user with mode 600. Without that file nobody may sign in; let people in anew with "gateway account add".',
  },
  'site-person-missing': {
    exit: 66,
    status: 404,
    action: 'refuse',
    title: 'nobody of that name may sign in at this gateway’s page',
    fix: 'List who may with "voltseal gateway account list FOLDER", or let them in with "gateway account add".',
  },
  'site-person-exists': {
    exit: 65,
    status: 409,
    action: 'refuse',
    title: 'somebody of that name is on the gateway’s list already',
    fix: 'Set a new password with "voltseal gateway account password", or forget them first and let them in anew.',
  },
  'site-people-full': {
    exit: 65,
    status: 409,
    action: 'refuse',
    title: 'the gateway’s list holds as many people as it can',
    fix: 'Forget those who come no more: "voltseal gateway account forget FOLDER NAME --forever".',
  },
} as const satisfies CodeTable
