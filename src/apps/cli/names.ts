import { type Names, pseudonymsIn } from '../../core/ledger/pseudonym.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { MOST_PEOPLE, type PeopleView } from '../../wire/fleet-views.ts'
import type { Session } from './session.ts'

/**
 * Whom the pseudonyms in some texts stand for, as the fleet server says. Who may not see accounts gets none of them: what they
 * read stays as it is in the log. Refuses what the server refuses for another reason.
 */
export async function namesOf(session: Session, texts: readonly string[]): Promise<Names | Refusal> {
  const asked = [...new Set(texts.flatMap(pseudonymsIn))]
  const names = new Map<string, string>()
  for (let at = 0; at < asked.length; at += MOST_PEOPLE) {
    const of = asked.slice(at, at + MOST_PEOPLE).join(',')
    const found = await session.get<PeopleView>(`/v1/audit/people?of=${of}`)
    if (isRefusal(found)) return found.code === 'role-missing' || found.code === 'token-too-narrow' ? names : found
    for (const [pseudonym, name] of Object.entries(found)) names.set(pseudonym, name)
  }
  return names
}
