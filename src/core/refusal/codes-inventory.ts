import type { CodeTable } from './code.ts'

export const inventoryCodes = {
  'query-malformed': {
    exit: 64,
    status: 422,
    action: 'refuse',
    title: 'the question about the inventory cannot be read',
    fix: 'Correct the named word. docs/inventory.md has every word that a question may hold, with examples.',
  },
  'inventory-row-differs': {
    exit: 20,
    status: 500,
    action: 'halt',
    title: 'the inventory says something else than the signed report that it rests on',
    fix: 'Somebody or something changed the database beside the server. Find out who, and what else was changed; the row was written anew from the report. Compare the audit log with a checkpoint that you keep elsewhere.',
  },
  'inventory-count-differs': {
    exit: 20,
    status: 500,
    action: 'halt',
    title: 'a roll-up of the inventory does not agree with its rows',
    fix: 'Somebody or something changed the database beside the server. Restore it from a backup, or find out what was changed; the rows themselves are checked against signed reports.',
  },
} as const satisfies CodeTable
