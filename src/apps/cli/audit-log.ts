import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { AuditPage, CheckpointView } from '../../wire/fleet-views.ts'
import type { Cli } from './cli.ts'
import type { Session } from './session.ts'

/** A whole log in one file: the signed checkpoint and every entry, base64, in order. */
export type AuditLog = {
  readonly kind: 'voltseal-audit-log'
  readonly checkpoint: string
  readonly entries: readonly string[]
}

const PAGE = 1000

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
