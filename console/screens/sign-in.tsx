import { useRef, useState } from 'preact/hooks'
import { change } from '../live/change.ts'
import type { Fault } from '../live/fault.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { sessionBegun } from '../shell/session.tsx'
import './sign-in.css'

/** Where one signs in. The session is in a cookie that no script can read; what was typed is nowhere afterwards. */
export default function SignIn(_: ScreenProps) {
  const [fault, setFault] = useState<Fault | null>(null)
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
    if ('done' in sent) return sessionBegun()
    setFault(sent.fault)
    password.current?.focus()
  }

  return (
    <section class="panel sign-in">
      <h1>Sign in</h1>
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
    </section>
  )
}
