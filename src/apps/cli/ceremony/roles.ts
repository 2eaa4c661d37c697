import { isRefusal } from '../../../core/refusal/refusal.ts'
import type { InForce } from '../../../core/trust/ceremony.ts'
import { ownersOf } from '../../../core/trust/ceremony-note.ts'
import type { KeyRing, RoleKeys } from '../../../core/trust/metadata.ts'
import type { Cli, Work } from '../cli.ts'
import { type Cell, table } from '../table.ts'

/** Who holds the keys of a repository: one row for each key of each role. */
export function rolesAnswer(cli: Cli, { repository, root, targets }: InForce): Work {
  const owners = ownersOf(root.signed, 'root')
  if (isRefusal(owners)) return owners
  const below = targets === null ? new Map<string, string>() : ownersOf(targets.signed, 'targets')
  if (isRefusal(below)) return below
  const rows = [
    ...Object.entries(root.signed.roles).flatMap(([name, role]) => rowsOf(name, role, root.signed.keys, owners)),
    ...(targets?.signed.delegations?.roles ?? []).flatMap(role =>
      rowsOf(role.name, role, targets?.signed.delegations?.keys ?? new Map(), below),
    ),
  ]
  const json = { repository, root: root.signed.version, targets: targets?.signed.version ?? null, keys: rows }
  const cells = rows.map(({ role, threshold, of, owner, keyid, alg }): Cell[] => {
    return [role, `${threshold} of ${of}`, owner, keyid, alg]
  })
  return { json, text: table(cli.output, ['role', 'needs', 'holder', 'key id', 'algorithm'], cells) }
}

function rowsOf(role: string, { keyids, threshold }: RoleKeys, keys: KeyRing, owners: ReadonlyMap<string, string>) {
  return keyids.map(keyid => ({
    role,
    threshold,
    of: keyids.length,
    owner: owners.get(keyid) ?? null,
    keyid,
    alg: keys.get(keyid)?.alg ?? null,
  }))
}
