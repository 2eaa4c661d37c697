import type { ScreenProps } from '../shell/screen.ts'
import { useSession } from '../shell/session.tsx'
import { Deadlines } from './compliance/deadlines.tsx'
import { Standards } from './compliance/standards.tsx'
import './compliance.css'

/** What is due, and what the log shows of each standard. It prints. */
export default function Compliance({ query, setQuery }: ScreenProps) {
  const { may } = useSession()
  return (
    <div class="compliance">
      <header class="compliance-head">
        <h1>Compliance</h1>
        <button type="button" onClick={() => print()}>
          Print
        </button>
      </header>
      <Deadlines />
      {may('read-audit') ? (
        <Standards query={query} setQuery={setQuery} />
      ) : (
        <section class="panel">
          <h2>Standards</h2>
          <p>What the log shows of standards is for those who may read the audit log: auditors and administrators.</p>
        </section>
      )}
    </div>
  )
}
