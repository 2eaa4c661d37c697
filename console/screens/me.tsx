import { useState } from 'preact/hooks'
import type { AccountDetail, WhoView } from '../../src/wire/account-api.ts'
import { change } from '../live/change.ts'
import type { Fault } from '../live/fault.ts'
import { askAgain, useView } from '../live/views.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { sessionBegun, useSession } from '../shell/session.tsx'
import { Passkeys } from './me/passkeys.tsx'
import { Sessions } from './me/sessions.tsx'
import { Tokens } from './me/tokens.tsx'
import './me.css'

/** One's own account: what one may do, and everything that lets one in: passkeys, sessions, tokens. */
export default function Me(_: ScreenProps) {
  const { account, name, may } = useSession()
  const path = `/v1/accounts/${account}`
  const detail = useView<AccountDetail>(path)
  const who = useView<WhoView>('/v1/whoami')
  const [fault, setFault] = useState<Fault | null>(null)
  const renew = (): void => askAgain(one => one === path || one === '/v1/whoami')

  /** Ends something of one's own, and says why where it cannot be. */
  const end = async (of: string): Promise<void> => {
    const ended = await change<null>(`${path}/${of}`, null, { method: 'DELETE', once: true })
    setFault('fault' in ended ? ended.fault : null)
    renew()
  }
  const endAll = async (): Promise<void> => {
    const ended = await change<null>(`${path}/sign-out`, {}, { once: true })
    if ('fault' in ended) setFault(ended.fault)
    else sessionBegun()
  }

  const { value } = detail
  return (
    <div class="me">
      <header class="screen-head">
        <h1>{name}</h1>
      </header>
      {fault !== null && (
        <p class="form-fault" role="alert">
          {fault.detail}
        </p>
      )}
      {value === null ? (
        <p class="empty">{detail.fault?.detail ?? 'Asking the server …'}</p>
      ) : (
        <>
          <section class="panel" aria-labelledby="me-account">
            <h2 id="me-account">Account</h2>
            <dl>
              <dt>Name to sign in with</dt>
              <dd class="mono">{value.id}</dd>
              <dt>Roles</dt>
              <dd>{value.roles.length === 0 ? 'none' : value.roles.join(', ')}</dd>
              <dt>Password</dt>
              <dd>{value.password ? 'set' : 'none'}</dd>
              {value.externals.map(({ provider, subject }) => (
                <div key={`${provider} ${subject}`} class="me-external">
                  <dt>Vouched for by</dt>
                  <dd>
                    {provider} as <span class="mono">{subject}</span>
                  </dd>
                </div>
              ))}
            </dl>
          </section>
          <Passkeys
            account={account}
            session={who.value?.session?.id ?? null}
            passkeys={value.passkeys}
            approves={may('approve')}
            onChange={renew}
            onEnd={end}
          />
          <Sessions
            credentials={value.credentials}
            own={who.value?.session?.id ?? null}
            now={detail.now}
            onEnd={end}
            onEndAll={() => void endAll()}
          />
          <Tokens account={account} credentials={value.credentials} now={detail.now} onChange={renew} onEnd={end} />
        </>
      )}
    </div>
  )
}
