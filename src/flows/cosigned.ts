import { fromUtf8, utf8 } from '../core/encoding/bytes.ts'
import type { Instant } from '../core/encoding/units.ts'
import { verifierKey, writeNote } from '../core/ledger/signed-note.ts'
import { CHECKPOINT_PATH, WITNESSED_PATH } from '../core/ledger/tiles.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import { type Gathering, IDLE, noteOf, roundOf, shortage, sizeOf } from './ask-witnesses.ts'
import type { LogFiles } from './log-files.ts'

/** What the fleet server shows of the witnesses of its log: their signatures, and what people have to see to. */

/** What a person has to see to: a checkpoint that too few have signed, and witnesses that do not sign. */
export async function witnessAlarms(gathering: Gathering): Promise<Refusal[]> {
  const alarms: Refusal[] = []
  const open = await roundOf(gathering)
  // Where none has to sign too few cannot be.
  if (gathering.policy.quorum !== null && open.round.at === 'gathering' && open.round.short) {
    alarms.push(await shortage(gathering, open))
  }
  for (const { name, trouble } of await gathering.store.witnesses(true)) {
    if (trouble !== null) alarms.push(refuse(trouble.code, `witness ${name}`, trouble.expected, trouble.actual))
  }
  return alarms
}

/** How the log stands with its witnesses, for figures. `since`: when the checkpoint under way was taken; null: none is waited for. */
export async function standingOf(gathering: Gathering): Promise<{
  readonly size: number
  readonly since: Instant | null
  readonly alarms: 0 | 1
  readonly troubled: number
}> {
  const { round } = await roundOf(gathering)
  const note = await gathering.store.witnessed()
  const isUnderWay = round.at === 'gathering' && gathering.policy.quorum !== null
  return {
    size: note === null ? 0 : sizeOf(note),
    since: isUnderWay ? round.since : null,
    alarms: isUnderWay && round.short ? 1 : 0,
    troubled: (await gathering.store.witnesses(true)).length,
  }
}

/** A witness that the policy names: how many entries it has signed, and when; `at` null: nothing yet. */
export type Signed = { readonly name: string; readonly entries: number; readonly at: Instant | null }

/** How the log stands with its witnesses, for people. `witnessed`: entries that enough have signed; null: none has to sign. */
export async function signedBy({ world, store, policy }: Gathering): Promise<{
  readonly entries: number
  readonly witnessed: number | null
  readonly witnesses: readonly Signed[]
}> {
  const note = await store.witnessed()
  const witnesses: Signed[] = []
  for (const [name, { key }] of policy.witnesses) {
    const row = await store.witness(verifierKey(world.crypto, key, 'cosignature') as string)
    const isSigned = row !== null && row.size > 0
    witnesses.push({ name, entries: isSigned ? row.size : 0, at: isSigned ? row.at : null })
  }
  const witnessed = note === null ? 0 : sizeOf(note)
  return { entries: (await world.store.log()).size, witnessed: policy.quorum === null ? null : witnessed, witnesses }
}

/**
 * The files of the log, with the signatures of witnesses under its checkpoint as far as they have signed it, and the newest one that
 * is witnessed as a file of its own.
 */
export function cosignedFiles(gathering: Gathering): LogFiles {
  const { files, store, policy } = gathering
  return {
    async file(path) {
      // Where no witness is needed, the log's own signature is enough.
      if (path === WITNESSED_PATH && policy.quorum !== null) {
        const note = await store.witnessed()
        return note === null ? null : utf8(note)
      }
      const isCheckpoint = path === CHECKPOINT_PATH || path === WITNESSED_PATH
      const bytes = await files.file(isCheckpoint ? CHECKPOINT_PATH : path)
      if (!isCheckpoint || bytes === null) return bytes
      const checkpoint = fromUtf8(bytes) ?? ''
      return utf8(writeNote(await noteOf(gathering, { ...IDLE, checkpoint })))
    },
  }
}
