import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import type { Json, JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import {
  type Ceremony,
  checkComplete,
  checkGiven,
  checkTime,
  type InForce,
  openCeremony,
} from '../../../src/core/trust/ceremony.ts'
import { type CeremonyNote, OWNERS } from '../../../src/core/trust/ceremony-note.ts'
import { changedRoot, changedTargets, type TargetsChanges } from '../../../src/core/trust/changed-document.ts'
import type { KeyChanges } from '../../../src/core/trust/key-change.ts'
import { keyId } from '../../../src/core/trust/keys.ts'
import type { Signature } from '../../../src/core/trust/metadata.ts'
import { readMetadata } from '../../../src/core/trust/read-metadata.ts'
import {
  type DelegationSpec,
  seal,
  writeDelegations,
  writeRoot,
  writeTargets,
} from '../../../src/core/trust/repository.ts'
import { later, NOW, sealed, signatureOf, type TestKey, target, testKey } from './simulated-repository.ts'

/** A repository as people hold it: ana, bo and cho the root, dee and eve the targets, the server the rest. */

export const [ana, bo, cho, dee, eve, finn, snapshot, timestamp, line] = Array.from({ length: 9 }, (_, n) =>
  testKey(7000 + n),
) as unknown as [TestKey, TestKey, TestKey, TestKey, TestKey, TestKey, TestKey, TestKey, TestKey]

export const id = (key: TestKey): string => keyId(key.key, nodeCrypto)
export const OWNED = { [id(ana)]: 'ana', [id(bo)]: 'bo', [id(cho)]: 'cho', [id(dee)]: 'dee', [id(eve)]: 'eve' }

const spec = (keys: readonly TestKey[], threshold: number) => ({ keys: keys.map(({ key }) => key), threshold })

export const LINE: DelegationSpec = { name: 'bms-line', paths: ['bms/*/*'], terminating: true, ...spec([line], 1) }

/** What is in force: root 1, 2 of 3; targets 1, 2 of 2, with one target and one delegation. */
export function inForce(change: (raw: JsonObject) => JsonObject = raw => raw): InForce {
  const roles = {
    root: spec([ana, bo, cho], 2),
    targets: spec([dee, eve], 2),
    snapshot: spec([snapshot], 1),
    timestamp: spec([timestamp], 1),
  }
  const written = orThrow(writeRoot({ version: 1, expires: later(365) }, roles, nodeCrypto)) as JsonObject
  const root = change({ ...written, [OWNERS]: OWNED })
  const delegations = orThrow(writeDelegations([LINE], nodeCrypto)) as JsonObject
  const targets = writeTargets({ version: 1, expires: later(365) }, [target('a'), target('b')], delegations)
  return {
    repository: 'image',
    bins: new Map(),
    root: orThrow(readMetadata('root', sealed(root, [ana, bo, cho]), 'root')),
    targets: orThrow(readMetadata('targets', sealed(targets, [dee, eve]), 'targets')),
  }
}

export const NOTE_OF: CeremonyNote = {
  name: 'autumn',
  repository: 'image',
  deadline: instant(NOW + 7 * 86_400_000),
  rehearsal: false,
}
export const OCCASION = { expires: later(300), note: NOTE_OF }
export const UNCHANGED: KeyChanges = { replace: [], add: [], remove: [], threshold: null, role: 'root', name: [] }
export const SAME: TargetsChanges = { delegate: null, undelegate: [], withdraw: [] }

/** Bo leaves, finn comes. */
export const BO_LEAVES: KeyChanges = {
  ...UNCHANGED,
  replace: [{ old: id(bo), by: { key: finn.key, owner: 'finn' } }],
}

export const nextRootOf = (base: InForce, changes: KeyChanges = BO_LEAVES, occasion = OCCASION): JsonObject =>
  orThrow(changedRoot(base.root.signed, changes, occasion, nodeCrypto))

export const nextTargetsOf = (base: InForce, changes = SAME, keys: KeyChanges | null = null): JsonObject =>
  orThrow(changedTargets(base.targets!.signed, changes, keys, OCCASION, nodeCrypto))

/** Documents with signatures as a folder holds them. */
export type Desk = {
  readonly root?: JsonObject
  readonly rootBy?: readonly (TestKey | Signature)[]
  readonly targets?: JsonObject
  readonly targetsBy?: readonly (TestKey | Signature)[]
}

export function open(base: InForce, desk: Desk): Ceremony | Refusal {
  const file = (raw: JsonObject | undefined, by: readonly (TestKey | Signature)[] = []): Uint8Array | null =>
    raw === undefined
      ? null
      : seal(
          raw,
          by.map(one => ('keyid' in one ? one : signatureOf(raw, one))),
        )
  return openCeremony(
    base,
    { root: file(desk.root, desk.rootBy), targets: file(desk.targets, desk.targetsBy), bins: new Map() },
    nodeCrypto,
  )
}

export const codeOf = (result: unknown): string => (isRefusal(result) ? result.code : 'taken')

/** What a ceremony comes to when it is closed: the first refusal of all that is checked. */
export const closing = (opened: Ceremony | Refusal, now = NOW): Refusal | null =>
  isRefusal(opened)
    ? opened
    : (checkTime(opened, now) ?? checkGiven(opened, nodeCrypto) ?? checkComplete(opened, nodeCrypto))

export const with_ = (raw: JsonObject, members: Record<string, Json>): JsonObject => ({ ...raw, ...members })
