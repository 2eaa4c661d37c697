import { useState } from 'preact/hooks'
import { announce } from './announce.ts'
import { signOut, useSession } from './session.tsx'
import { chooseTheme, chosenTheme, type Theme } from './theme.ts'

const THEMES: readonly { readonly theme: Theme; readonly word: string }[] = [
  { theme: 'system', word: 'as the system' },
  { theme: 'light', word: 'light' },
  { theme: 'dark', word: 'dark' },
]

/** Who is signed in, the theme, and the way out. `own`: where their own page is. */
export function Person({ own }: { own?: string }) {
  const { account, name } = useSession()
  const [theme, setTheme] = useState(chosenTheme)
  const [fault, setFault] = useState<string | null>(null)
  const choose = (next: Theme): void => {
    chooseTheme(next)
    setTheme(next)
    announce(`Theme: ${next}`)
  }
  return (
    <details class="person" onKeyDown={closeOnEscape} onFocusOut={closeWhenLeft}>
      <summary class="person-name">
        <span class="unseen">Signed in as </span>
        {name === '' ? account : name}
      </summary>
      <div class="menu">
        <p>
          <strong>{name}</strong> <span class="mono">{account}</span>
        </p>
        {own !== undefined && (
          <p>
            <a href={own}>Sessions and passkeys</a>
          </p>
        )}
        <fieldset>
          <legend>Theme</legend>
          {THEMES.map(one => (
            <label key={one.theme}>
              <input type="radio" name="theme" checked={theme === one.theme} onChange={() => choose(one.theme)} />
              {one.word}
            </label>
          ))}
        </fieldset>
        <button type="button" onClick={() => void signOut().then(why => setFault(why?.detail ?? null))}>
          Sign out
        </button>
        {fault !== null && <p role="alert">{fault}</p>}
      </div>
    </details>
  )
}

function closeOnEscape(event: KeyboardEvent): void {
  const menu = event.currentTarget as HTMLDetailsElement
  if (event.key !== 'Escape' || !menu.open) return
  menu.open = false
  menu.querySelector('summary')?.focus()
}

/** The menu closes when the focus goes elsewhere on the page. */
function closeWhenLeft(event: FocusEvent): void {
  const menu = event.currentTarget as HTMLDetailsElement
  if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget)) menu.open = false
}
