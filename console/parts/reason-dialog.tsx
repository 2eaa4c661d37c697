import { useEffect, useRef, useState } from 'preact/hooks'
import type { Fault } from '../live/fault.ts'
import './reason-dialog.css'

export type ReasonDialogProps = {
  readonly title: string
  readonly effect: string
  readonly label: string
  readonly tone: 'plain' | 'primary' | 'danger'
  /** What has to be typed before it is sent; null: nothing. */
  readonly typed: string | null
  /** Whether a reason is asked for. */
  readonly asksReason: boolean
  /** Why what was given is not enough; null: it is. */
  readonly unfit: (given: { readonly typed: string; readonly reason: string }) => string | null
  readonly onSend: (reason: string) => Promise<Fault | null>
  readonly onClose: () => void
}

/** Asks once more before something is done: what it does, the name typed where it cannot be undone, the reason for the log. */
export function ReasonDialog({
  title,
  effect,
  label,
  tone,
  typed,
  asksReason,
  unfit,
  onSend,
  onClose,
}: ReasonDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [given, setGiven] = useState({ typed: '', reason: '' })
  const [said, setSaid] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])
  const send = async (event: Event): Promise<void> => {
    event.preventDefault()
    const wanting = unfit(given)
    setSaid(wanting)
    if (wanting !== null || busy) return
    setBusy(true)
    const fault = await onSend(given.reason)
    setBusy(false)
    if (fault === null) dialog.current?.close()
    else setSaid(fault.detail)
  }
  return (
    <dialog ref={dialog} class="reason-dialog" aria-labelledby="reason-title" onClose={onClose}>
      <form onSubmit={event => void send(event)}>
        <h2 id="reason-title">{title}</h2>
        <p id="reason-effect">{effect}</p>
        {typed !== null && (
          <label>
            <span>
              Type <strong class="mono">{typed}</strong>
            </span>
            <input
              class="mono"
              value={given.typed}
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              aria-describedby="reason-effect"
              onInput={event => setGiven({ ...given, typed: event.currentTarget.value })}
            />
          </label>
        )}
        {asksReason && (
          <label>
            <span>Reason, for the log</span>
            <input
              value={given.reason}
              maxLength={500}
              autocomplete="off"
              onInput={event => setGiven({ ...given, reason: event.currentTarget.value })}
            />
          </label>
        )}
        {said !== null && (
          <p class="form-fault" role="alert">
            {said}
          </p>
        )}
        <p class="reason-buttons">
          <button type="submit" class={tone} aria-disabled={busy ? true : undefined}>
            {busy ? 'Sending …' : label}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Leave it
          </button>
        </p>
      </form>
    </dialog>
  )
}
