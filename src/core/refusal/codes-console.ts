import type { CodeTable } from './code.ts'

/** The console's door: where it may listen, and what it answers. */
export const consoleCodes = {
  'console-not-loopback': {
    exit: 78,
    status: 500,
    action: 'refuse',
    title: 'the console may only listen on this machine itself',
    fix: 'Set console.host to 127.0.0.1 or ::1: it has no sign-in yet. From elsewhere, forward the same port over SSH.',
  },
  'console-request-foreign': {
    exit: 77,
    status: 403,
    action: 'refuse',
    title: 'the request was not made to the console by its own name, or not by its own page',
    fix: 'Open the address that the fleet server names when it starts. A forwarded port must keep its number.',
  },
  'console-read-only': {
    exit: 77,
    status: 405,
    action: 'refuse',
    title: 'the console only shows',
    fix: 'Use the command line to change something: it proves who you are.',
  },
  'console-not-built': {
    exit: 69,
    status: 503,
    action: 'retry',
    title: 'the console’s files are not there',
    fix: 'Run "npm run build:console", then start the fleet server again.',
  },
} as const satisfies CodeTable
