import { useRef, useState } from 'preact/hooks'
import { change } from '../live/change.ts'
import type { Fault } from '../live/fault.ts'
import './password-form.css'

type Props = {
  /** Why the last try came to nothing, of this form or of another way in. */
  readonly fault: Fault | null
  readonly onFault: (fault: Fault) => void
  readonly onBegun: () => void
}

/** Signs in with a password. The session is in a cookie that no script can read; what was typed is nowhere afterwards. */
export function PasswordForm({ fault, onFault, onBegun }: Props) {
  const [busy, setBusy] = useState(false)
  const account = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)

  const send = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (busy) return
    setBusy(true)
    const proof = { at: 'password', account: account.current?.value ?? '', password: password.current?.value ?? '' }
    const sent = await change('/v1/sign-in', { provider: 'local', cookie: true, proof }, { once: true })
    setBusy(false)
    if (password.current !== null) password.current.value = ''
    if ('done' in sent) return onBegun()
    onFault(sent.fault)
    password.current?.focus()
  }

  return (
    <form onSubmit={event => void send(event)}>
      <label>
        Account
        <input
          ref={account}
          name="account"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          maxLength={64}
          required
        />
      </label>
      <label>
        Password
        <input
          ref={password}
          name="password"
          type="password"
          autocomplete="current-password"
          maxLength={1024}
          required
          aria-describedby={fault === null ? undefined : 'sign-in-fault'}
        />
      </label>
      {fault !== null && (
        <p id="sign-in-fault" class="form-fault" role="alert">
          {fault.detail}
        </p>
      )}
      <button type="submit" class="primary" aria-disabled={busy}>
        {busy ? 'Signing in …' : 'Sign in'}
      </button>
    </form>
  )
}
