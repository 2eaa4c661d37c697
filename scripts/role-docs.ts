import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACTION_NAMES, ACTIONS, type Action, ROLE_NAMES, ROLES, roleAllows } from '../src/core/fleet/roles.ts'

/** docs/roles.md, written from the table that the fleet's doors judge by: `node scripts/role-docs.ts`. */

const HEAD = `# Roles

<!-- Written by scripts/role-docs.ts from src/core/fleet/roles.ts: change the table there. -->

Who may do what at the fleet's doors. A role is given in a scope: \`fleet\`, \`region:NAME\` or \`site:NAME\`; it is written
\`ROLE@SCOPE\`, such as \`operator@region:nl-west\`. An account may have several. [Accounts](accounts.md) says how one comes in.
`

const WHERE: Readonly<Record<'fleet' | 'sites' | 'shared', string>> = {
  fleet: 'the whole fleet: only a role in the scope `fleet` allows it',
  sites: 'sites: each site that it is about must lie in the scope',
  shared: 'what all sites share: a role in any scope allows it',
}

/** The text of docs/roles.md. */
export function roleDocs(): string {
  const people = ROLES.map(({ role, side, what }) => {
    return `| **${role}** | ${side === 'neither' ? '–' : side} | ${what} |`
  })
  const row = (action: Action): string => {
    const cells = ROLE_NAMES.map(role => (roleAllows(role, action) ? '●' : ' '))
    return `| \`${action}\` | ${ACTIONS[action].what} | ${cells.join(' | ')} |`
  }
  const tables = (['fleet', 'sites', 'shared'] as const).map(at => {
    const rows = ACTION_NAMES.filter(action => ACTIONS[action].at === at).map(row)
    const head = `| action | what it is | ${ROLE_NAMES.join(' | ')} |\n|---|---|${ROLE_NAMES.map(() => ':-:|').join('')}`
    return `On ${WHERE[at]}.\n\n${head}\n${rows.join('\n')}\n`
  })
  return `${HEAD}
## The roles

| role | side | what they do |
|---|---|---|
${people.join('\n')}

The maker's people and the operator's are separate organisations: no account has roles of both sides whose scopes meet (\`organisations-mixed\`),
unless \`governance.separateOrganisations\` of \`fleet.yaml\` is \`false\`.

## What they may do

${tables.join('\n')}
Everybody may see who they are, sign out, set their own password, and make and revoke their own tokens.
`
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, '../docs/roles.md'), roleDocs())
