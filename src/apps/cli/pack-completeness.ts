import { toHex } from '../../core/encoding/bytes.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import type { LogPolicy } from '../../core/ledger/log-policy.ts'
import { tallyOf } from '../../core/ledger/pack/make.ts'
import type { Manifest } from '../../core/ledger/pack/manifest.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { gather, headOf, proveContinues, type Told } from '../../flows/gather.ts'
import type { LogFiles } from '../../flows/ports.ts'

/**
 * Whether a pack leaves out events that its query asks for: the search is repeated in the log, over the same entries. Finds
 * `pack-incomplete` (with the first places), `pack-counts-wrong`. Refuses `log-forked` when the log is not the one that was searched, and
 * what `headOf` and `gather` refuse.
 */
export async function missingFrom(
  files: LogFiles,
  policy: LogPolicy,
  { log, query, events, counts }: Manifest,
  crypto: Crypto,
  told: Told,
): Promise<Refusal[] | Refusal> {
  const head = await headOf(files, policy, crypto)
  if (isRefusal(head)) return head
  const searched = { origin: log.origin, size: log.size, root: Uint8Array.fromHex(log.root), extensions: [] }
  const continues = await proveContinues(files, searched, head, crypto)
  if (isRefusal(continues)) return continues
  const found = await gather(files, head, query, crypto, told, log.size)
  if (isRefusal(found)) return found
  const findings: Refusal[] = []
  const cited = new Set(events)
  const missing = found.events.filter(({ index }) => !cited.has(index)).map(({ index }) => index)
  if (missing.length > 0) {
    const first = missing.slice(0, 10).join(', ')
    const more = missing.length > 10 ? ` and ${missing.length - 10} more` : ''
    findings.push(
      refuse(
        'pack-incomplete',
        toHex(head.checkpoint.root).slice(0, 16),
        'every event that was asked for',
        `entries ${first}${more} left out`,
      ),
    )
  }
  const tally = tallyOf(found)
  for (const [kind, { log: all }] of Object.entries(tally)) {
    const stated = Object.hasOwn(counts, kind) ? counts[kind]?.log : 0
    if (stated !== all) findings.push(refuse('pack-counts-wrong', kind, `${all} in the log`, `${stated}`))
  }
  return findings
}
