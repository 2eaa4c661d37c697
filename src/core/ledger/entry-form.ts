/**
 * What stands in the details of each kind of entry, and which flow writes it. docs/audit-entries.md and the published schema are
 * made of this table. A test holds every entry that any test writes to it, and every kind to its flow: a detail that nobody
 * described, a kind that nobody writes, and a flow that writes another one are all found.
 *
 * `flow`: where it is written, from `src/` on. `says`: the details by name; all of them may be left out. `personal`: those of them
 * that hold pseudonyms.
 */
export type EntryForm = {
  readonly by: 'fleet' | 'gateway'
  readonly flow: string
  readonly says: Readonly<Record<string, string>>
  readonly personal?: readonly string[]
}

/** The three phrases of a refusal (docs/refusals.md); its code is a member of the entry. */
export const refusal = {
  subject: 'what was refused',
  expected: 'what was expected',
  actual: 'what was there instead',
} as const
