import { useRef, useState } from 'preact/hooks'
import { change } from '../../live/change.ts'
import type { Fault } from '../../live/fault.ts'
import { sessionBegun } from '../../shell/session.tsx'
import { OtherWays } from '../sign-in/other-ways.tsx'

type SignInAgainProps = {
  readonly account: string
  /** The session of before: it ends when the new one has begun. */
  readonly session: string | null
  readonly onDone: () => void
}

/** Shows anew who one is, for what a session that was left open must not do. It is a sign-in like any other, with a session of its own. */
export function SignInAgain({ account, session, onDone }: SignInAgainProps) {
  const password = useRef<HTMLInputElement>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const begun = async (): Promise<void> => {
    if (session !== null) {
      await change<null>(`/v1/accounts/${account}/credentials/${session}`, null, { method: 'DELETE', once: true })
    }
    sessionBegun()
    onDone()
  }
  const send = async (event: Event): Promise<void> => {
    event.preventDefault()
    const proof = { at: 'password', account, password: password.current?.value ?? '' }
    const sent = await change('/v1/sign-in', { provider: 'local', cookie: true, proof }, { once: true })
    if (password.current !== null) password.current.value = ''
    if ('fault' in sent) setFault(sent.fault)
    else await begun()
  }
  return (
    <form class="me-again" onSubmit={event => void send(event)}>
      <h3>Sign in again as {account}</h3>
      <input type="hidden" name="username" autocomplete="username" value={account} />
      <label>
        Password
        <input ref={password} type="password" autocomplete="current-password" maxLength={1024} required />
      </label>
      <button type="submit" class="primary">
        Go on
      </button>
      <OtherWays back="/me" onBegun={() => void begun()} onFault={setFault} />
      {fault !== null && (
        <p class="form-fault" role="alert">
          {fault.detail}
        </p>
      )}
    </form>
  )
}
