import type { RefObject } from 'preact'

/** Characters of a plan file that the server reads itself (MAX_PLAN_TEXT of src/wire/fleet-api.ts). */
const MOST = 131_072

type Props = {
  readonly text: string
  readonly field: RefObject<HTMLTextAreaElement | null>
  readonly onText: (text: string) => void
}

/** A plan file as it is written: typed, pasted, or taken from a file of this machine. The server reads it. */
export function File({ text, field, onText }: Props) {
  const take = async (event: Event): Promise<void> => {
    const [file] = (event.currentTarget as HTMLInputElement).files ?? []
    if (file !== undefined && file.size <= 4 * MOST) onText((await file.text()).slice(0, MOST))
  }
  return (
    <section class="panel" aria-labelledby="file-title">
      <h2 id="file-title">Plan file, YAML or JSON</h2>
      <label class="field">
        <span>From this machine</span>
        <input type="file" accept=".yaml,.yml,.json" onChange={event => void take(event)} />
      </label>
      <label class="field">
        <span>Text</span>
        <textarea
          ref={field}
          class="mono plan-text"
          rows={22}
          value={text}
          maxLength={MOST}
          spellcheck={false}
          autocapitalize="none"
          onInput={event => onText(event.currentTarget.value)}
        />
      </label>
    </section>
  )
}
