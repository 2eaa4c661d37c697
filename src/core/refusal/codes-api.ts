import type { CodeTable } from './code.ts'

/** The fleet's API as such: pages, repeated requests, events and webhooks. */
export const apiCodes = {
  'cursor-invalid': {
    exit: 65,
    status: 400,
    action: 'refuse',
    title: 'the cursor is not one of this list',
    fix: 'Begin the list anew, with the same filters on every page, and take each cursor from the Link of the page before.',
  },
  'idempotency-key-malformed': {
    exit: 65,
    status: 400,
    action: 'refuse',
    title: 'the idempotency key is not one',
    fix: 'Send 16 to 128 characters in double quotes that you have never used for another request: a UUID does well.',
  },
  'idempotency-key-reused': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the idempotency key came with another request before',
    fix: 'Give every request a key of its own, and repeat one only as it was. Nothing was done.',
  },
} as const satisfies CodeTable
