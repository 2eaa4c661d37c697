import { useState } from 'preact/hooks'
import { announce } from '../shell/announce.ts'
import './copyable.css'

/** A text to take along, with a button that copies it. Where the browser lets no page copy, it can be selected. */
export function Copyable({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState<string | null>(null)
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(text)
      announce(`${what} copied`)
    } catch {
      announce('This browser does not let the page copy: select the text.')
    }
  }
  return (
    <div class="copyable">
      <section aria-label={what} class="copyable-text">
        <pre class="mono">{text}</pre>
      </section>
      <button type="button" onClick={() => void copy()}>
        {copied === text ? 'Copied' : 'Copy'}
        <span class="unseen"> {what}</span>
      </button>
    </div>
  )
}
