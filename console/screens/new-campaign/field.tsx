import type { ComponentChildren } from 'preact'
import type { PlanForm } from '../../picture/plan-form.ts'

export type FormProps = { readonly form: PlanForm; readonly onForm: (form: PlanForm) => void }

type FieldProps = {
  readonly label: string
  readonly hint?: string
  readonly value: string
  readonly onValue: (value: string) => void
}

export function Field({ label, hint = '', value, onValue }: FieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        value={value}
        placeholder={hint}
        maxLength={4000}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        onInput={event => onValue(event.currentTarget.value)}
      />
    </label>
  )
}

export function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <fieldset class="plan-group">
      <legend>{title}</legend>
      {children}
    </fieldset>
  )
}
