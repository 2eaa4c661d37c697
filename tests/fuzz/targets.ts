import type { Target } from './input.ts'
import { DELTA } from './targets/delta.ts'
import { ENCODING } from './targets/encoding.ts'
import { FIRMWARE } from './targets/firmware.ts'
import { KEYS } from './targets/keys.ts'
import { LEDGER } from './targets/ledger.ts'
import { LOG } from './targets/log.ts'
import { PACKS } from './targets/packs.ts'
import { PASSKEYS } from './targets/passkeys.ts'
import { TRUST } from './targets/trust.ts'

/** Every reader that is fuzzed. */
export const TARGETS: readonly Target[] = [
  ...ENCODING,
  ...TRUST,
  ...FIRMWARE,
  ...LEDGER,
  ...LOG,
  ...PACKS,
  ...KEYS,
  ...PASSKEYS,
  ...DELTA,
]

export function targetNamed(name: string): Target {
  const target = TARGETS.find(one => one.name === name)
  if (target === undefined) throw new Error(`no target ${name}`)
  return target
}
