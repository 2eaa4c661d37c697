import { useState } from 'preact/hooks'
import type { AccountDetail, TokenView } from '../../../src/wire/account-api.ts'
import { change } from '../../live/change.ts'
import { Copyable } from '../../parts/copyable.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { moment, used } from './when.ts'

type TokensProps = {
  readonly account: string
  readonly credentials: AccountDetail['credentials']
  /** The server's clock. */
  readonly now: number
  readonly onChange: () => void
  readonly onEnd: (of: string) => Promise<void>
}

const DAY = 86_400_000

/** One's API tokens that are in force, and a new one. Its secret is shown once, and is nowhere in the page afterwards. */
export function Tokens({ account, credentials, now, onChange, onEnd }: TokensProps) {
  const [label, setLabel] = useState('')
  const [days, setDays] = useState('90')
  const [secret, setSecret] = useState<string | null>(null)
  const [said, setSaid] = useState<string | null>(null)
  const open = credentials.filter(
    ({ kind, revokedAt, expiresAt }) => kind === 'token' && revokedAt === null && now < expiresAt,
  )
  const make = async (event: Event): Promise<void> => {
    event.preventDefault()
    const body = { label: label.trim(), lifeMillis: Number(days) * DAY }
    const made = await change<TokenView>(`/v1/accounts/${account}/tokens`, body, { once: true })
    if ('fault' in made) return setSaid(made.fault.detail)
    setSaid(null)
    setLabel('')
    setSecret(made.done.secret)
    onChange()
  }
  const columns: readonly Column<(typeof open)[number]>[] = [
    { head: 'For', cell: ({ label }) => label },
    { head: 'May', cell: ({ roles }) => (roles === null ? 'all that you may' : roles.join(', ')) },
    { head: 'Last used', cell: ({ usedAt }) => used(usedAt) },
    { head: 'Until', cell: ({ expiresAt }) => moment(expiresAt) },
    {
      head: 'Revoke',
      unseen: true,
      cell: ({ id, label }) => (
        <button type="button" onClick={() => void onEnd(`credentials/${id}`)}>
          Revoke<span class="unseen"> the token for {label}</span>
        </button>
      ),
    },
  ]
  return (
    <section class="panel" aria-labelledby="me-tokens">
      <h2 id="me-tokens">API tokens</h2>
      {open.length === 0 ? (
        <p class="empty">None.</p>
      ) : (
        <Table label="API tokens" columns={columns} rows={open} keyOf={({ id }) => id} />
      )}
      <form class="me-add" onSubmit={event => void make(event)}>
        <label>
          What a new one is for
          <input
            value={label}
            maxLength={120}
            required
            autocomplete="off"
            onInput={event => setLabel(event.currentTarget.value)}
          />
        </label>
        <label>
          Days
          <input
            type="number"
            min="1"
            max="400"
            required
            value={days}
            onInput={event => setDays(event.currentTarget.value)}
          />
        </label>
        <button type="submit">Make a token</button>
      </form>
      {said !== null && (
        <p class="form-fault" role="alert">
          {said}
        </p>
      )}
      {secret !== null && (
        <div role="status">
          <p>Take it along now: it is not shown again.</p>
          <Copyable text={secret} what="the token" />
          <button type="button" onClick={() => setSecret(null)}>
            I have it
          </button>
        </div>
      )}
    </section>
  )
}
