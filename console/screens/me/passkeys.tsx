import { useState } from 'preact/hooks'
import type { AccountDetail } from '../../../src/wire/account-api.ts'
import { addPasskey, hasPasskeys } from '../../live/passkey.ts'
import { Scroll } from '../../parts/scroll.tsx'
import { announce } from '../../shell/announce.ts'
import { ApproverKey } from './approver-key.tsx'
import { PasskeyRow } from './passkey-row.tsx'
import { SignInAgain } from './sign-in-again.tsx'

type PasskeysProps = {
  readonly account: string
  /** The session that one is in: it is ended when one signs in again. */
  readonly session: string | null
  readonly passkeys: AccountDetail['passkeys']
  /** Whether one approves plans. */
  readonly approves: boolean
  readonly onChange: () => void
  readonly onEnd: (of: string) => Promise<void>
}

/** One's passkeys: each with what it is called and when it was used last; and a new one, in a session that is fresh. */
export function Passkeys({ account, session, passkeys, approves, onChange, onEnd }: PasskeysProps) {
  const [label, setLabel] = useState('')
  const [said, setSaid] = useState<string | null>(null)
  const [stale, setStale] = useState(false)
  const [saved, setSaved] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const add = async (): Promise<void> => {
    if (busy) return
    setBusy(true)
    setSaid(null)
    const added = await addPasskey(label.trim() === '' ? 'Passkey' : label.trim())
    setBusy(false)
    if (added === null)
      return setSaid('No passkey was made: it was given up, or this authenticator has one of this account already.')
    if ('fault' in added) {
      setStale(added.fault.code === 'session-not-fresh')
      return setSaid(added.fault.detail)
    }
    setStale(false)
    setLabel('')
    announce('Passkey added')
    onChange()
  }
  return (
    <section class="panel" aria-labelledby="me-passkeys">
      <h2 id="me-passkeys">Passkeys</h2>
      {passkeys.length === 0 ? (
        <p class="empty">
          None. With one you sign in by fingerprint, face or PIN, and nothing can be typed into the wrong page.
        </p>
      ) : (
        <Scroll label="Passkeys">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Kept on</th>
                <th scope="col">Added</th>
                <th scope="col">Last used</th>
                <th scope="col">
                  <span class="unseen">Rename, save or remove</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {passkeys.map(one => (
                <PasskeyRow
                  key={one.id}
                  account={account}
                  passkey={one}
                  approves={approves}
                  onChange={onChange}
                  onEnd={onEnd}
                  onSaid={setSaid}
                  onSaved={setSaved}
                />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {saved !== null && <ApproverKey account={account} file={saved} onDone={() => setSaved(null)} />}
      {hasPasskeys() ? (
        <form
          class="me-add"
          onSubmit={event => {
            event.preventDefault()
            void add()
          }}
        >
          <label>
            What to call a new one
            <input
              value={label}
              maxLength={120}
              autocomplete="off"
              placeholder="the blue key"
              onInput={event => setLabel(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="primary" aria-disabled={busy ? true : undefined}>
            {busy ? 'Asking the authenticator …' : 'Add a passkey'}
          </button>
        </form>
      ) : (
        <p class="empty">This browser has no passkeys here.</p>
      )}
      {said !== null && (
        <p class="form-fault" role="alert">
          {said}
        </p>
      )}
      {stale && (
        <SignInAgain
          account={account}
          session={session}
          onDone={() => {
            setStale(false)
            onChange()
            void add()
          }}
        />
      )}
    </section>
  )
}
