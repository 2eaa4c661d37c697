import { readFileSync } from 'node:fs'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'

/** Whom a process runs as. */
export type Account = { readonly uid: number; readonly gid: number }

/**
 * The account of a user, and of a group when that is not the user's own; each a number or a name of this machine's
 * /etc/passwd and /etc/group. Refuses `account-unknown`, also for a number without a group: root's is no default.
 */
export function findAccount(user: number | string, group: number | string | undefined): Account | Refusal {
  const row = rowOf('/etc/passwd', user)
  if (row === undefined && typeof user === 'string') return unknown(`user ${user}`)
  const own = row?.[3]
  const gid = group === undefined ? own : typeof group === 'number' ? String(group) : rowOf('/etc/group', group)?.[2]
  if (gid === undefined) return unknown(group === undefined ? `the group of user ${user}` : `group ${group}`)
  return { uid: typeof user === 'number' ? user : Number(row?.[2]), gid: Number(gid) }
}

/** The fields of the line that a name or a number stands in: name, password, number, and what follows. */
function rowOf(path: string, wanted: number | string): readonly string[] | undefined {
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .map(line => line.split(':'))
  return rows.find(row => row[typeof wanted === 'number' ? 2 : 0] === String(wanted))
}

const unknown = (subject: string): Refusal => refuse('account-unknown', subject, 'an account of this machine', 'none')
