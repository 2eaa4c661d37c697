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
} as const satisfies CodeTable
