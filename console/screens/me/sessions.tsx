import type { AccountDetail } from '../../../src/wire/account-api.ts'
import { type Column, Table } from '../../parts/table.tsx'
import { moment, used } from './when.ts'

type SessionsProps = {
  readonly credentials: AccountDetail['credentials']
  /** The session that one is in. */
  readonly own: string | null
  /** The server's clock. */
  readonly now: number
  readonly onEnd: (of: string) => Promise<void>
  readonly onEndAll: () => void
}

/** One's sessions that are in force; each can be ended, and all of them at once. */
export function Sessions({ credentials, own, now, onEnd, onEndAll }: SessionsProps) {
  const open = credentials
    .filter(({ kind, revokedAt, expiresAt }) => kind !== 'token' && revokedAt === null && now < expiresAt)
    .sort((a, b) => b.createdAt - a.createdAt)
  const columns: readonly Column<(typeof open)[number]>[] = [
    {
      head: 'Where',
      cell: ({ id, label }) => (
        <>
          {label}
          {id === own && <strong> (this one)</strong>}
        </>
      ),
    },
    { head: 'In', cell: ({ kind }) => (kind === 'browser' ? 'a browser' : 'the command line') },
    { head: 'Since', cell: ({ createdAt }) => moment(createdAt) },
    { head: 'Last used', cell: ({ usedAt }) => used(usedAt) },
    { head: 'Until', cell: ({ expiresAt }) => moment(expiresAt) },
    {
      head: 'End',
      unseen: true,
      cell: ({ id, label }) =>
        id !== own && (
          <button type="button" onClick={() => void onEnd(`credentials/${id}`)}>
            End<span class="unseen"> the session {label}</span>
          </button>
        ),
    },
  ]
  return (
    <section class="panel" aria-labelledby="me-sessions">
      <h2 id="me-sessions">Sessions</h2>
      <Table label="Sessions" columns={columns} rows={open} keyOf={({ id }) => id} />
      <p>
        <button type="button" class="danger" onClick={onEndAll}>
          Sign out everywhere
        </button>
      </p>
    </section>
  )
}
