import { useRef, useState } from 'preact/hooks'
import type { CampaignDetail } from '../../../src/wire/plan-views.ts'
import { change } from '../../live/change.ts'
import type { Fault } from '../../live/fault.ts'
import { askAgain } from '../../live/views.ts'
import { ExplainedButton } from '../../parts/explained.tsx'
import { ReasonDialog } from '../../parts/reason-dialog.tsx'
import { bodyOf, type OrderButton, ordersOf, unfit } from '../../picture/orders.ts'
import { announce } from '../../shell/announce.ts'
import { useKey } from '../../shell/keys.ts'

/** What can be told to the campaign. `h` leads to the halt from anywhere on the screen: the name is typed there, and it is done. */
export function Orders({ campaign }: { campaign: CampaignDetail }) {
  const [asked, setAsked] = useState<string | null>(null)
  const [refused, setRefused] = useState<string | null>(null)
  const back = useRef<Element | null>(null)
  const orders = ordersOf(campaign)
  const order = orders.find(({ command }) => command === asked) ?? null
  const at = `/v1/campaigns/${encodeURIComponent(campaign.id)}`

  const send = async (one: OrderButton, reason: string): Promise<Fault | null> => {
    const sent = await change(`${at}/commands`, bodyOf(one, reason))
    askAgain(path => path.startsWith(at))
    if ('fault' in sent) return sent.fault
    announce(`${one.label}: done`)
    return null
  }
  const press = (one: OrderButton): void => {
    setRefused(null)
    back.current = document.activeElement
    if (one.typed !== null || one.reason || one.tone === 'danger') setAsked(one.command)
    else void send(one, '').then(fault => setRefused(fault?.detail ?? null))
  }
  useKey('h', 'halt this campaign', () => {
    const halt = orders.find(({ command }) => command === 'halt')
    if (halt === undefined) return
    if (halt.why === null) press(halt)
    else document.querySelector<HTMLElement>('.orders [aria-describedby="order-halt-why"]')?.focus()
  })
  return (
    <section class="panel orders" aria-labelledby="orders-title">
      <h2 id="orders-title" class="unseen">
        Commands
      </h2>
      {orders.map(one => (
        <ExplainedButton
          key={one.command}
          id={`order-${one.command}-why`}
          why={one.why}
          tone={one.tone}
          onPress={() => press(one)}
        >
          {one.label}
          {one.command === 'halt' && <kbd>h</kbd>}
        </ExplainedButton>
      ))}
      {refused !== null && (
        <p class="form-fault" role="alert">
          {refused}
        </p>
      )}
      {order !== null && (
        <ReasonDialog
          title={`${order.label}: ${campaign.title}`}
          effect={order.partly ? `${order.effect} Some have no way back, and stay as they are.` : order.effect}
          label={order.label}
          tone={order.tone}
          typed={order.typed}
          asksReason={order.reason}
          unfit={given => unfit(order, given)}
          onSend={reason => send(order, reason)}
          onClose={() => {
            setAsked(null)
            const to = back.current === document.body ? document.querySelector('main h1') : back.current
            if (to instanceof HTMLElement) to.focus()
          }}
        />
      )}
    </section>
  )
}
