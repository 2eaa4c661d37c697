import { useEffect, useRef, useState } from 'preact/hooks'
import type { AccountDetail } from '../../../src/wire/account-api.ts'
import { isFault, send } from '../../live/ask.ts'
import { change } from '../../live/change.ts'
import { saveFile } from '../../live/save-file.ts'
import { announce } from '../../shell/announce.ts'
import { moment, used } from './when.ts'

type PasskeyRowProps = {
  readonly account: string
  readonly passkey: AccountDetail['passkeys'][number]
  /** Whether its owner approves anything: only then is it a key for approvals. */
  readonly approves: boolean
  readonly onChange: () => void
  readonly onEnd: (of: string) => Promise<void>
  /** Null: all went well. */
  readonly onSaid: (said: string | null) => void
  /** The public part was saved as a file of that name. */
  readonly onSaved: (file: string) => void
}

/** One passkey: what it is called, and what can be done with it. */
export function PasskeyRow({ account, passkey, approves, onChange, onEnd, onSaid, onSaved }: PasskeyRowProps) {
  const { id, synced, createdAt, usedAt } = passkey
  // What it was called a moment ago, the server may still answer.
  const [called, setCalled] = useState<string | null>(null)
  useEffect(() => setCalled(null), [passkey.label])
  const label = called ?? passkey.label
  const path = `/v1/accounts/${account}/passkeys/${id}`
  const [name, setName] = useState<string | null>(null)
  const field = useRef<HTMLInputElement>(null)
  const renaming = name !== null
  // Who pressed Rename goes on to type.
  useEffect(() => {
    if (renaming) field.current?.select()
  }, [renaming])
  const rename = async (event: Event): Promise<void> => {
    event.preventDefault()
    const next = (name ?? '').trim()
    if (next === '' || next === label) return setName(null)
    const renamed = await change<null>(path, { label: next }, { once: true })
    if ('fault' in renamed) return onSaid(renamed.fault.detail)
    setName(null)
    setCalled(next)
    onSaid(null)
    announce('Passkey renamed')
    onChange()
  }
  const save = async (): Promise<void> => {
    const asked = await send(`${path}/key`, { headers: { accept: 'application/json' } })
    if (isFault(asked)) return onSaid(asked.fault.detail)
    saveFile(`${account}.json`, 'application/json', asked.text)
    onSaid(null)
    onSaved(`${account}.json`)
  }
  return (
    <tr>
      <th scope="row">
        {name === null ? (
          label
        ) : (
          <form class="me-rename" onSubmit={event => void rename(event)}>
            <input
              aria-label={`What to call ${label}`}
              ref={field}
              value={name}
              maxLength={120}
              required
              autocomplete="off"
              onInput={event => setName(event.currentTarget.value)}
              onKeyDown={event => event.key === 'Escape' && setName(null)}
            />
            <button type="submit">Save</button>
          </form>
        )}
      </th>
      <td>{synced ? 'several devices' : 'one device'}</td>
      <td>{moment(createdAt)}</td>
      <td>{used(usedAt)}</td>
      <td class="me-actions">
        <button type="button" aria-expanded={renaming} onClick={() => setName(renaming ? null : label)}>
          Rename<span class="unseen"> {label}</span>
        </button>
        {approves && (
          <button type="button" onClick={() => void save()}>
            Save as an approver’s key<span class="unseen">: {label}</span>
          </button>
        )}
        <button type="button" onClick={() => void onEnd(`passkeys/${id}`)}>
          Remove<span class="unseen"> {label}</span>
        </button>
      </td>
    </tr>
  )
}
