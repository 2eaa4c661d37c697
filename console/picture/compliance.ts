import type { ClauseView, StandardView } from '../../src/wire/audit-views.ts'

/** What the log shows of standards, in words. None of them is “met”: whether the evidence is enough is for an auditor. */
export const STANDING_WORDS: Readonly<Record<ClauseView['standing'], string>> = {
  shown: 'evidence of every record',
  partly: 'evidence of some records',
  missing: 'evidence missing',
  unrecorded: 'no event shows it',
}

/** How many clauses of a standard stand how, what is missing first. */
export function tally({ clauses }: Pick<StandardView, 'clauses'>): string {
  const words = (['missing', 'partly', 'shown', 'unrecorded'] as const).flatMap(standing => {
    const count = clauses.filter(one => one.standing === standing).length
    return count === 0 ? [] : [`${count} ${STANDING_WORDS[standing]}`]
  })
  return `${clauses.length} ${clauses.length === 1 ? 'clause' : 'clauses'}: ${words.join(', ')}`
}

/** Where the entries of a record are searched for: by their kind, in the same period. */
export function recordHref(kind: string, query: URLSearchParams): string {
  const search = new URLSearchParams({ kind })
  for (const name of ['since', 'until']) {
    const day = query.get(name)
    if (day !== null && day !== '') search.set(name, day)
  }
  return `/audit?${search}`
}
