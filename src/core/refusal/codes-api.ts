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
  'event-id-unknown': {
    exit: 65,
    status: 400,
    action: 'refuse',
    title: 'the log has no event of that number',
    fix: 'Come without Last-Event-ID: a snapshot says how things stand. If this server showed the event before, its log was set back: find out by whom.',
  },
  'events-too-many': {
    exit: 75,
    status: 429,
    action: 'retry',
    title: 'too many streams of events are open',
    fix: 'End one of them first: one stream can carry everything.',
  },
  'webhook-exists': {
    exit: 73,
    status: 409,
    action: 'refuse',
    title: 'there is a webhook of that name',
    fix: 'Choose another name, or remove the webhook first: what it is told and where cannot be changed.',
  },
  'webhook-url-refused': {
    exit: 65,
    status: 422,
    action: 'refuse',
    title: 'the address is not one that may be told',
    fix: 'Name an https address without a user, a password or a fragment.',
  },
  'webhook-address-refused': {
    exit: 77,
    status: 422,
    action: 'refuse',
    title: 'the address leads into a network that is not told anything',
    fix: 'If the receiver is in a network of your own, name its range in webhooks.allow of fleet.yaml.',
  },
  'webhook-not-taken': {
    exit: 75,
    status: 502,
    action: 'retry',
    title: 'the receiver did not take the message',
    fix: 'Look at the receiver. The message is tried again, later and later, then set aside; a person can have it sent again.',
  },
} as const satisfies CodeTable
