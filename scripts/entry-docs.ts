import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { entryForms } from '../src/core/ledger/entry-details.ts'
import { type EntryKind, entryKinds } from '../src/core/ledger/entry-kinds.ts'
import { entrySchema } from '../src/core/ledger/entry-schema.ts'

const DOCS = join(import.meta.dirname, '..', 'docs')
/** What `node scripts/entry-docs.ts` writes; a test says when either is out of date. */
export const ENTRIES_PAGE = join(DOCS, 'audit-entries.md')
export const ENTRY_SCHEMA = join(DOCS, 'audit-entry.schema.json')

const HEAD = `# Entries of the audit log

<!-- Generated from src/core/ledger by scripts/entry-docs.ts. Change the tables there, not this page. -->

An entry is canonical JSON of at most 65,535 bytes. Its form is published as [JSON Schema](audit-entry.schema.json), which is made
of the shapes that Voltseal's own parser reads by.

- \`kind\` says what happened, \`detail\` what else the kind says: the table below.
- \`at\` is the time that the clock showed, \`clock\` how good that clock was. The order is the log's. Where the clock went back, the
  entry \`clock-set-back\` says so.
- \`actor\` is who did it: \`id\`; \`key\`, the SHA-256 of what they proved to hold (a key's id, a certificate's public key, a token's
  secret); \`roles\`, the roles that allowed it, each with its scope.
- \`site\`, \`controller\`, \`campaign\`, \`release\` (SHA-256 of the envelope) say where and of what. Every entry of a campaign that has a
  change request carries it.
- \`code\` is a [refusal](refusals.md).

**Versions.** \`v\` is 1. New kinds and new details come without a new version: a reader finds \`entry-kind-unknown\`. A member that changes its
meaning is a new version: a reader of before says \`entry-version-newer\` and reads nothing into it. That the entry was logged can be
verified either way: it is a leaf of the tree like any other.

**People.** No entry holds the name of a person or an address. It holds \`person:\` or \`address:\` and the SHA-256 of a salt and the text. Each
person has a salt of their own, in the server's store only. \`voltseal audit who\` says whom a pseudonym stands for, to who may see
accounts. \`voltseal account forget NAME --forever\` deletes the salt with the account (which must be disabled): the log verifies as before, and nobody can tell any more
who it was, nor try names until one fits. Names that were only tried at a sign-in are forgotten after 30 days, within a day. What is
forgotten is overwritten in the files of the store: its tables of people move to fresh pages.

What forgetting does not reach, and why:

- **Plans that they drew up.** \`createdBy\` is the name of an account: approvers sign it, nobody may approve their own plan, and gateways verify the plan by those
  very bytes. To take the name out would void the approval. In the store this is the only place that is left; the gateways that carried the plan out have it too.
- **Roots and what was signed at ceremonies.** \`x-voltseal-owners\` says whose each key is: with it, one person is not counted as two. Every client that trusts a root
  has its bytes. A root with another name for the key replaces it; the old one stays, as the way to the new one.
- **What people wrote themselves**: reasons, titles of campaigns, labels of tokens, names of lists, sites and webhooks. Nothing finds a name in them. Do not write any there.
- **What was handed out**: certificates (\`voltseal:person:NAME\`), profiles in \`profiles/\` of the server's folder, what somebody read who may see accounts. What
  went to a SIEM, to a webhook or into an evidence pack has pseudonyms only.
- **Copies**: backups of the store (delete them, and forget again behind a restore), and the server's own technical log.

**Refused attempts.** What a person or a device was refused is an entry before it is answered, if it would have changed something or was refused for
who made it; at most 100 of one actor in ten minutes, with a count of those left out. Who is refused by TLS itself is in the technical log only.
What a page elsewhere makes a browser send to the console, without a session, is in neither: any page could fill the log so.

| kind | it says | written by | in | details |
|---|---|---|---|---|
`

/** The page, from the tables. */
export function entryDocs(): string {
  const rows = (Object.keys(entryKinds) as EntryKind[]).map(kind => {
    const { by, flow, says, personal = [] } = entryForms[kind]
    const details = Object.entries(says).map(
      ([name, what]) => `\`${name}\` ${what}${personal.includes(name) ? ' (pseudonym)' : ''}`,
    )
    return `| \`${kind}\` | ${entryKinds[kind]} | ${by} | \`src/${flow}\` | ${details.join('; ') || '–'} |\n`
  })
  return HEAD + rows.join('')
}

export const entrySchemaText = (): string => `${JSON.stringify(entrySchema(), null, 2)}\n`

if (import.meta.main) {
  writeFileSync(ENTRIES_PAGE, entryDocs())
  writeFileSync(ENTRY_SCHEMA, entrySchemaText())
}
