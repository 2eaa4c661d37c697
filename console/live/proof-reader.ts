import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import { readPolicy } from '../../src/core/ledger/log-policy.ts'
import { CHECKPOINT_PATH, tilePath, WITNESSED_PATH } from '../../src/core/ledger/tiles.ts'
import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { PolicyView } from '../../src/wire/audit-views.ts'
import { browserCrypto } from '../crypto-browser.ts'
import { type Proof, proofOf } from '../picture/proof.ts'
import { ask, askFile, isFault } from './ask.ts'

/**
 * Fetches what the proof of an entry is made of from the files that the log is served as, and makes it. Throws an error whose message people
 * can read where the server does not answer.
 */
export async function readProof(index: number): Promise<Proof | Refusal> {
  const asked = await ask<PolicyView>('/v1/audit/policy')
  if (isFault(asked)) throw new Error(asked.fault.detail)
  const policy = readPolicy(asked.value.policy, browserCrypto)
  if (isRefusal(policy)) return policy
  const [newest, witnessed] = await Promise.all([note(CHECKPOINT_PATH), note(WITNESSED_PATH)])
  const making = proofOf(browserCrypto, policy, { newest: newest ?? '', witnessed }, index)
  let step = making.next()
  while (!step.done) {
    step = making.next(await Promise.all(step.value.map(tile => askFile(`/log/${tilePath(tile)}`))))
  }
  return step.value
}

async function note(path: string): Promise<string | null> {
  const bytes = await askFile(`/log/${path}`)
  return bytes === null ? null : fromUtf8(bytes)
}
