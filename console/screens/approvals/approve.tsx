import { useState } from 'preact/hooks'
import type { DraftView } from '../../../src/wire/fleet-views.ts'
import type { WaitingPlan } from '../../../src/wire/plan-views.ts'
import { approveByPasskey } from '../../live/approve-by-passkey.ts'
import { askAgain, useView } from '../../live/views.ts'
import { Copyable } from '../../parts/copyable.tsx'
import { commandLine, signedNow } from '../../picture/approving.ts'

type Props = { readonly plan: WaitingPlan; readonly comment: string; readonly onDone: (said: string) => void }

/** The ways to sign: with a passkey here, where the root names one of the approver's, and by the command line with any other key. */
export function Approve({ plan, comment, onDone }: Props) {
  const draft = useView<DraftView>(`/v1/campaigns/${encodeURIComponent(plan.id)}/draft`)
  const passkeys = draft.value?.passkeys ?? []
  const others = plan.mine.keys.filter(key => passkeys.every(({ keyid }) => keyid !== key))
  return (
    <div class="approval-way">
      {passkeys.length > 0 && <Passkey plan={plan} comment={comment} onDone={onDone} />}
      {others.length > 0 && (
        <>
          <p>
            A key in a file or a token no page can use. This command verifies the plan and every sheet of it on your own
            machine, shows it, and signs it. For KEY name the file, or the token as a PKCS #11 URI.
          </p>
          <Copyable what="the command" text={commandLine(plan.id, comment)} />
          <p class="quiet">
            Among the approvers’ keys: <span class="mono">{others.map(key => key.slice(0, 16)).join(', ')}</span>
          </p>
        </>
      )}
    </div>
  )
}

function Passkey({ plan, comment, onDone }: Props) {
  const [said, setSaid] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const sign = async (): Promise<void> => {
    if (busy) return
    setBusy(true)
    const signed = await approveByPasskey(plan, comment)
    setBusy(false)
    if (signed === null) return setSaid('Nothing was signed.')
    if (typeof signed === 'string') return setSaid(signed)
    askAgain(path => path.startsWith('/v1/approvals') || path.startsWith('/v1/campaigns'))
    onDone(signedNow(plan, signed))
  }
  return (
    <>
      <p>
        Your authenticator asks who you are, and signs the plan with this digest. Passkeys never approve alone: at least
        one signature is by a key whose holder’s own machine has read the plan.
      </p>
      <p>
        <button type="button" class="primary" aria-disabled={busy ? true : undefined} onClick={() => void sign()}>
          {busy ? 'Waiting for your authenticator …' : 'Sign with your passkey'}
        </button>
      </p>
      {said !== null && (
        <p class="form-fault" role="alert">
          {said}
        </p>
      )}
    </>
  )
}
