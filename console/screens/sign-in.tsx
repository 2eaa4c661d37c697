import { useEffect, useRef, useState } from 'preact/hooks'
import { change } from '../live/change.ts'
import { loadCodes } from '../live/codes.ts'
import type { Fault } from '../live/fault.ts'
import { wayBack } from '../picture/address.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { sessionBegun } from '../shell/session.tsx'
import { OtherWays } from './sign-in/other-ways.tsx'
import './sign-in.css'

/** Where one signs in. The session is in a cookie that no script can read; what was typed is nowhere afterwards. */
export default function SignIn({ query }: ScreenProps) {
  const [fault, setFault] = useState<Fault | null>(null)
  const [busy, setBusy] = useState(false)
  const account = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)
  const refused = query.get('refused')
  useEffect(() => {
    if (refused !== null)
      void refusedBy(refused).then(
        why => why !== null && setFault(why),
        () => undefined,
      )
  }, [refused])

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
      <OtherWays back={wayBack(query.get('back'))} onBegun={sessionBegun} onFault={setFault} />
    </section>
  )
}

/** Why another party brought one back without a session: a code of the server, in its own words. What is none says nothing. */
async function refusedBy(code: string): Promise<Fault | null> {
  const { isRefusalCode, registry } = await loadCodes()
  if (!isRefusalCode(code)) return null
  const { title, fix, status } = registry[code]
  return { code, status, detail: `You were not signed in: ${title}. ${fix}` }
}
