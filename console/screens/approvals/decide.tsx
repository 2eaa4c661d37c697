import { useState } from 'preact/hooks'
import type { WaitingPlan } from '../../../src/wire/plan-views.ts'
import { change } from '../../live/change.ts'
import type { Fault } from '../../live/fault.ts'
import { askAgain } from '../../live/views.ts'
import { ExplainedButton } from '../../parts/explained.tsx'
import { ReasonDialog } from '../../parts/reason-dialog.tsx'
import { shortly } from '../../picture/shortly.ts'
import { Approve } from './approve.tsx'

type Props = {
  readonly plan: WaitingPlan
  readonly comment: string
  readonly onComment: (comment: string) => void
  readonly onDone: (said: string) => void
}

/** Approve with one's own key, or reject for good. */
export function Decide({ plan, comment, onComment, onDone }: Props) {
  const { id, mine } = plan
  const [rejecting, setRejecting] = useState(false)
  const [way, setWay] = useState(false)
  const reject = async (reason: string): Promise<Fault | null> => {
    const sent = await change(`/v1/campaigns/${encodeURIComponent(id)}/rejections`, { reason: reason.trim() })
    askAgain(path => path.startsWith('/v1/approvals') || path.startsWith('/v1/campaigns'))
    if ('fault' in sent) return sent.fault
    onDone(`The plan ${id} is rejected.`)
    return null
  }
  return (
    <section class="approval-decide" aria-labelledby="decide-title">
      <h3 id="decide-title">Your decision</h3>
      <label>
        <span>Comment, for the log</span>
        <textarea rows={2} maxLength={500} value={comment} onInput={event => onComment(event.currentTarget.value)} />
      </label>
      <p class="approval-buttons">
        <ExplainedButton id="approve-why" tone="primary" why={whyNot(mine.approve)} onPress={() => setWay(true)}>
          Approve
        </ExplainedButton>
        <ExplainedButton id="reject-why" tone="danger" why={whyNot(mine.reject)} onPress={() => setRejecting(true)}>
          Reject
        </ExplainedButton>
      </p>
      {way && mine.approve.possible && <Approve plan={plan} comment={comment} onDone={onDone} />}
      {rejecting && (
        <ReasonDialog
          title={`Reject: ${plan.title}`}
          effect="It is rejected for good: no signature approves it any more. Who wants it makes another plan."
          label="Reject"
          tone="danger"
          typed={null}
          asksReason={true}
          unfit={({ reason }) => (reason.trim() === '' ? 'Say why: the log keeps it.' : null)}
          onSend={reject}
          onClose={() => setRejecting(false)}
        />
      )}
    </section>
  )
}

const whyNot = ({ possible, code, why }: WaitingPlan['mine']['approve']): string | null =>
  possible ? null : shortly(code, why ?? 'Not now.')
