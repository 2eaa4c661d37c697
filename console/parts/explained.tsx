import type { ComponentChildren } from 'preact'
import './explained.css'

type Props = {
  /** Names the sentence that says why not. */
  readonly id: string
  /** Why it cannot be pressed; null: it can. */
  readonly why: string | null
  readonly tone?: 'plain' | 'primary' | 'danger'
  readonly type?: 'button' | 'submit'
  readonly onPress: () => void
  readonly children: ComponentChildren
}

/** A button that says why it cannot be pressed, in words beside it. It keeps the focus, so that everybody can read them. */
export function ExplainedButton({ id, why, tone = 'plain', type = 'button', onPress, children }: Props) {
  const press = (event: Event): void => {
    if (type === 'submit' || why !== null) event.preventDefault()
    if (why === null) onPress()
  }
  return (
    <span class="explained">
      <button
        type={type}
        class={tone}
        aria-disabled={why === null ? undefined : true}
        aria-describedby={why === null ? undefined : id}
        onClick={press}
      >
        {children}
      </button>
      {why !== null && (
        <span id={id} class="explained-why">
          {why}
        </span>
      )}
    </span>
  )
}
