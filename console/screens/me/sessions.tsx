import type { AccountDetail } from '../../../src/wire/account-api.ts'
import { Scroll } from '../../parts/scroll.tsx'
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
  return (
    <section class="panel" aria-labelledby="me-sessions">
      <h2 id="me-sessions">Sessions</h2>
      <Scroll label="Sessions">
        <table>
          <thead>
            <tr>
              <th scope="col">Where</th>
              <th scope="col">In</th>
              <th scope="col">Since</th>
              <th scope="col">Last used</th>
              <th scope="col">Until</th>
              <th scope="col">
                <span class="unseen">End</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {open.map(one => (
              <tr key={one.id}>
                <th scope="row">
                  {one.label}
                  {one.id === own && <strong> (this one)</strong>}
                </th>
                <td>{one.kind === 'browser' ? 'a browser' : 'the command line'}</td>
                <td>{moment(one.createdAt)}</td>
                <td>{used(one.usedAt)}</td>
                <td>{moment(one.expiresAt)}</td>
                <td>
                  {one.id !== own && (
                    <button type="button" onClick={() => void onEnd(`credentials/${one.id}`)}>
                      End<span class="unseen"> the session {one.label}</span>
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p>
        <button type="button" class="danger" onClick={onEndAll}>
          Sign out everywhere
        </button>
      </p>
    </section>
  )
}
