import { fromUtf8, utf8 } from '../core/encoding/bytes.ts'
import { type Instant, instant } from '../core/encoding/units.ts'
import { isRefusal, type Refusal } from '../core/refusal/refusal.ts'
import { expiryAlarm, warningDue } from '../core/trust/expiry.ts'
import { binNames, hasBins, succinctOf } from '../core/trust/hash-bins.ts'
import { type Event, record } from './audit.ts'
import { directorRoot } from './direct.ts'
import { openRepository, storedBin } from './keep.ts'
import type { FleetWorld, RepoFile } from './ports.ts'

/**
 * A role that people sign, and until when it holds. `bins` are all hash bins of the image repository: the version is that
 * of the one that expires first.
 */
export type Kept = {
  readonly repository: 'image' | 'approval' | 'director'
  readonly role: 'root' | 'targets' | 'bins'
  readonly version: number
  readonly expires: Instant
}

/** All that people sign, and what could not be read of it. */
export type Standing = { readonly kept: readonly Kept[]; readonly refused: readonly Refusal[] }

/** How long what people sign still holds: the roots, the targets of image and approval, the hash bins. */
export async function standing(world: FleetWorld): Promise<Standing> {
  const kept: Kept[] = []
  const refused: Refusal[] = []
  for (const repository of ['image', 'approval'] as const) {
    const set = await openRepository(world, repository)
    if (isRefusal(set)) {
      refused.push(set)
      continue
    }
    const { root, targets } = set
    kept.push({ repository, role: 'root', version: root.signed.version, expires: root.signed.expires })
    if (targets === null) continue
    kept.push({ repository, role: 'targets', version: targets.signed.version, expires: targets.signed.expires })
    if (!hasBins(targets.signed)) continue
    let first: Kept | null = null
    for (const name of binNames(succinctOf(targets.signed))) {
      const bin = await storedBin(world, set, name)
      if (isRefusal(bin)) {
        refused.push(bin)
        continue
      }
      const { version, expires } = bin.signed
      if (first === null || expires < first.expires) first = { repository, role: 'bins', version, expires }
    }
    if (first !== null) kept.push(first)
  }
  const director = await directorRoot(world)
  if (isRefusal(director)) refused.push(director)
  else {
    const { version, expires } = director.root.signed
    kept.push({ repository: 'director', role: 'root', version, expires })
  }
  return { kept, refused }
}

/** What is to be said of a role: `metadata-expires-soon`, `metadata-expired`, or null. */
export function alarmOf(world: FleetWorld, { repository, role, expires }: Kept, now: Instant): Refusal | null {
  return expiryAlarm(`${repository}: ${role}`, expires, now, world.warningDays)
}

/**
 * Tells in time of metadata that only people can renew: one audit entry for each warning of `warningDays` as it comes due,
 * and one when it has expired. What was told is stored with the entry: a restart tells nothing twice, and metadata that
 * was signed anew begins afresh. Answers what was told now. Durable on return.
 */
export function warn(world: FleetWorld): Promise<readonly Refusal[]> {
  return world.store.exclusive(async () => {
    const now = world.clock.now()
    const { kept } = await standing(world)
    const told: Refusal[] = []
    const files: RepoFile[] = []
    for (const one of kept) {
      const due = warningDue(one.expires, now, world.warningDays)
      const alarm = alarmOf(world, one, now)
      if (due === null || alarm === null) continue
      const path = `${one.repository}/${one.role}`
      const before = await toldOf(world, path)
      if (before !== null && before.expires === one.expires && before.due <= due) continue
      told.push(alarm)
      files.push({ repo: TOLD, path, bytes: utf8(`${one.expires} ${due}`) })
    }
    const actor = { kind: 'fleet', id: world.name } as const
    const events = told.map(({ code, subject, expected, actual }): Event => {
      return { kind: 'repository-alarm', actor, code, detail: { subject, expected, actual } }
    })
    // If power fails before this commit, nothing was told, and the next look tells it.
    if (events.length > 0) await record(world, { files }, events)
    return told
  })
}

/** Where the store remembers the last warning of a role. */
const TOLD = 'warned'

async function toldOf(world: FleetWorld, path: string): Promise<{ expires: Instant; due: number } | null> {
  const bytes = await world.store.file(TOLD, path)
  const [, expires, due] = /^(\d{1,16}) (-?\d{1,4})$/.exec(bytes === null ? '' : (fromUtf8(bytes) ?? '')) ?? []
  return expires === undefined ? null : { expires: instant(Number(expires)), due: Number(due) }
}
