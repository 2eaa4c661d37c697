import type { ScreenProps } from '../shell/screen.ts'
import { useSession } from '../shell/session.tsx'
import { EntryList } from './audit/entry-list.tsx'
import { Opened } from './audit/opened.tsx'
import { Packs } from './audit/packs.tsx'
import { SearchForm } from './audit/search-form.tsx'
import { WholeLog } from './audit/whole-log.tsx'
import './audit.css'

/** The audit log: looked through, each entry with its proof, and all of it verified here. */
export default function Audit({ query, setQuery }: ScreenProps) {
  const { may } = useSession()
  const opened = /^\d{1,15}$/.test(query.get('entry') ?? '') ? Number(query.get('entry')) : null
  if (!may('read-audit')) {
    return (
      <section class="panel">
        <h1>Audit</h1>
        <p>Who reads the audit log has the role auditor or administrator, for the whole fleet. You have neither.</p>
      </section>
    )
  }
  return (
    <div class="audit">
      <h1>Audit</h1>
      <WholeLog />
      <section class="panel audit-search" aria-labelledby="entries-title">
        <h2 id="entries-title">Entries</h2>
        <SearchForm query={query} setQuery={setQuery} />
        <EntryList query={query} opened={opened} />
      </section>
      {opened !== null && <Opened key={opened} index={opened} query={query} />}
      <Packs />
    </div>
  )
}
