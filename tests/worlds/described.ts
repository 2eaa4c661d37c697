import assert from 'node:assert/strict'
import type { AuditEntry } from '../../src/core/ledger/entry.ts'
import { entryForms } from '../../src/core/ledger/entry-details.ts'
import { isPseudonym, pseudonymsIn } from '../../src/core/ledger/pseudonym.ts'

/**
 * Holds an entry that a test reads from a log to what is published of its kind: it says nothing that is not described, and speaks
 * of people only where it is said that it does. Whatever the flows of a real server write in any test comes by here.
 */
export function asDescribed(entry: AuditEntry): AuditEntry {
  const { says, personal = [] } = entryForms[entry.kind]
  for (const [name, value] of Object.entries(entry.detail)) {
    assert.ok(Object.hasOwn(says, name), `${entry.kind} says ${name}, and entry-details.ts does not know it`)
    const speaks = pseudonymsIn(JSON.stringify(value)).length > 0
    assert.ok(!speaks || personal.includes(name), `${entry.kind} speaks of a person in ${name}, which is not described`)
  }
  if (entry.actor.kind === 'person') assert.ok(isPseudonym(entry.actor.id) || entry.actor.id === 'stranger')
  return entry
}
