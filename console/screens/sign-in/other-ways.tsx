import { useEffect, useState } from 'preact/hooks'
import type { WaysView } from '../../../src/wire/account-api.ts'
import { ask, isFault } from '../../live/ask.ts'
import { change } from '../../live/change.ts'
import type { Fault } from '../../live/fault.ts'
import { hasPasskeys, signInByPasskey } from '../../live/passkey.ts'

export type OtherWaysProps = {
  /** Where one wants to be behind a visit to another party. */
  readonly back: string
  readonly onBegun: () => void
  readonly onFault: (fault: Fault | null) => void
}

/** Ways to sign in without a password: a passkey, and the parties that the fleet knows. None of them: nothing is drawn. */
export function OtherWays({ back, onBegun, onFault }: OtherWaysProps) {
  const [ways, setWays] = useState<WaysView | null>(null)
  const [busy, setBusy] = useState(false)
  useEffect(() => {
    void ask<WaysView>('/v1/sign-in/ways').then(asked => isFault(asked) || setWays(asked.value))
  }, [])

  const once = async (work: () => Promise<void>): Promise<void> => {
    if (busy) return
    setBusy(true)
    onFault(null)
    await work()
    setBusy(false)
  }
  const byPasskey = (): Promise<void> =>
    once(async () => {
      const signed = await signInByPasskey()
      if (signed === null) return onFault(GIVEN_UP)
      if ('fault' in signed) return onFault(signed.fault)
      onBegun()
    })
  const byParty = (provider: string): Promise<void> =>
    once(async () => {
      const asked = await change<{ readonly url: string }>(
        '/v1/sign-in/challenges',
        { provider, to: back },
        { once: true },
      )
      if ('fault' in asked) return onFault(asked.fault)
      location.assign(asked.done.url)
    })

  const withPasskey = ways?.passkey === true && hasPasskeys()
  if (ways === null || (!withPasskey && ways.providers.length === 0)) return null
  return (
    <div class="other-ways">
      {withPasskey && (
        <button type="button" aria-disabled={busy ? true : undefined} onClick={() => void byPasskey()}>
          Sign in with a passkey
        </button>
      )}
      {ways.providers.map(({ provider, label }) => (
        <button
          key={provider}
          type="button"
          aria-disabled={busy ? true : undefined}
          onClick={() => void byParty(provider)}
        >
          Sign in with {label}
        </button>
      ))}
    </div>
  )
}

const GIVEN_UP: Fault = {
  code: 'no-answer',
  status: 0,
  detail: 'No passkey was used. Try again, or sign in another way.',
}
