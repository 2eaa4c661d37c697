import { readText } from '../../adapters/config-file.ts'
import { fromBase64 } from '../../core/encoding/bytes.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import { type NoteKey, parseVerifierKey } from '../../core/ledger/signed-note.ts'
import { beginVerification, endVerification, type LogVerdict, takeEntry } from '../../core/ledger/verify.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { AuditPage, CheckpointView } from '../../wire/fleet-views.ts'
import type { Cli } from './cli.ts'
import type { Session } from './session.ts'

/** A whole log in one file: the signed checkpoint and every entry, base64, in order. */
export type AuditLog = {
  readonly kind: 'voltseal-audit-log'
  readonly checkpoint: string
  readonly entries: readonly string[]
}

const MAX_EXPORT = 1 << 30
const PAGE = 1000

/** Verifies every entry against the checkpoint. Refuses `key-malformed`, `config-malformed`. */
export function judgeLog(
  crypto: Crypto,
  log: AuditLog,
  keyText: string,
  from: string,
): { readonly verdict: LogVerdict; readonly key: NoteKey } | Refusal {
  const key = parseVerifierKey(crypto, keyText)
  if (key === null) return refuse('key-malformed', 'the key of the log', 'a C2SP verifier key', keyText.slice(0, 40))
  let verification = beginVerification(crypto)
  for (const [index, text] of log.entries.entries()) {
    const bytes = fromBase64(text)
    if (bytes === null) return refuse('config-malformed', `${from}, entry ${index}`, 'base64', 'something else')
    verification = takeEntry(crypto, verification, { bytes })
  }
  return { verdict: endVerification(crypto, verification, log.checkpoint, key), key }
}

/** The whole log of a fleet server, page by page. */
export async function fetchLog(cli: Cli, session: Session): Promise<AuditLog | Refusal> {
  const head = await session.get<CheckpointView>('/v1/audit/checkpoint')
  if (isRefusal(head)) return head
  const entries: string[] = []
  while (entries.length < head.size) {
    const to = Math.min(entries.length + PAGE, head.size)
    const page = await session.get<AuditPage>(`/v1/audit/entries?from=${entries.length}&to=${to}`)
    if (isRefusal(page)) return page
    if (page.entries.length === 0) break
    entries.push(...page.entries.map(({ bytes }) => bytes))
    if (head.size > PAGE) cli.output.progress(`${entries.length} of ${head.size} entries`)
  }
  return { kind: 'voltseal-audit-log', checkpoint: head.checkpoint, entries }
}

/** Reads an export. Refuses `config-malformed`, and what `readText` refuses. */
export function readLog(file: string): AuditLog | Refusal {
  const text = readText(file, MAX_EXPORT)
  if (isRefusal(text)) return text
  const wrong = (actual: string): Refusal => refuse('config-malformed', file, 'a log that audit export wrote', actual)
  try {
    const log = JSON.parse(text) as Partial<AuditLog> | null
    if (log?.kind !== 'voltseal-audit-log' || typeof log.checkpoint !== 'string' || !Array.isArray(log.entries)) {
      return wrong('another file')
    }
    return log.entries.every(entry => typeof entry === 'string') ? (log as AuditLog) : wrong('entries of another kind')
  } catch {
    return wrong('something that is not JSON')
  }
}
