import type { CodeTable } from './code.ts'

export const inventoryCodes = {
  'query-malformed': {
    exit: 64,
    status: 422,
    action: 'refuse',
    title: 'the question about the inventory cannot be read',
    fix: 'Correct the named word. docs/inventory.md has every word that a question may hold, with examples.',
  },
  'query-cursor-malformed': {
    exit: 64,
    status: 422,
    action: 'refuse',
    title: 'the cursor is not one that a page ended with',
    fix: 'Ask for the first page, without a cursor, and follow what each page says is next.',
  },
} as const satisfies CodeTable
