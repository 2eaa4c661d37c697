import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { binOf } from './delegation.ts'
import type { Common, SuccinctRoles, Targets } from './metadata.ts'

/**
 * The member of a bin's `signed` object that names the bin. The keys of the top-level targets sign all bins, and no document of
 * TUF says which role it is of: without this member the targets of before the bins, or another bin, could be played as a bin
 * by who holds the online keys, and bring back what was withdrawn.
 */
export const BIN_ROLE = 'x-voltseal-role'

/**
 * Whether targets are the bin that they are served as: they name it, hand nothing on, and hold only targets that belong
 * there. Refuses `metadata-wrong-role`, `bins-layout-changed`, `target-outside-bin`.
 */
export function checkBinRole(
  layout: SuccinctRoles,
  name: string,
  signed: Targets,
  subject: string,
  crypto: Crypto,
): null | Refusal {
  const meant = signed.raw[BIN_ROLE]
  if (meant !== name) {
    const actual = typeof meant === 'string' ? `signed as ${meant.slice(0, 64)}` : 'signed as no bin'
    return refuse('metadata-wrong-role', subject, `signed as ${name}`, actual)
  }
  if (signed.delegations !== null) return refuse('bins-layout-changed', subject, 'targets', 'a bin that delegates')
  for (const path of signed.targets.keys()) {
    const own = binOf(layout, path, crypto).name
    if (own !== name) return refuse('target-outside-bin', `${subject}, ${path}`, own, name)
  }
  return null
}

/** Whether top-level targets are what they are served as, and no bin. Refuses `metadata-wrong-role`. */
export function checkNoBin(signed: Common, subject: string): null | Refusal {
  if (!Object.hasOwn(signed.raw, BIN_ROLE)) return null
  return refuse('metadata-wrong-role', subject, 'top-level targets', 'a bin')
}
