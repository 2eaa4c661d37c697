import { useState } from 'preact/hooks'
import { Badge } from '../parts/badge.tsx'
import { announce } from './announce.ts'
import { routes } from './routes.ts'
import { signOut, useSession } from './session.tsx'
import { useFreshness } from './stale.tsx'
import { chooseTheme, chosenTheme, type Theme } from './theme.ts'

/** Where one can go, how old it all is, and who is signed in. `here`: the name of the route that is shown. */
export function Top({ here }: { here: string | null }) {
  const { may } = useSession()
  const shown = routes.filter(({ nav, action }) => nav !== undefined && (action === undefined || may(action)))
  return (
    <header class="top">
      <a class="brand" href="/">
        <img src="/icon.svg" alt="" width="24" height="24" />
        Voltseal
      </a>
      <nav class="nav" aria-label="Screens">
        <ul class="nav-list">
          {shown.map(({ name, path, nav }) => (
            <li key={name}>
              <a class="nav-link" href={path} aria-current={name === here ? 'page' : undefined}>
                {nav}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <Age />
      <Person />
    </header>
  )
}

const Age = () => <Badge freshness={useFreshness()} />

const THEMES: readonly { readonly theme: Theme; readonly word: string }[] = [
  { theme: 'system', word: 'as the system' },
  { theme: 'light', word: 'light' },
  { theme: 'dark', word: 'dark' },
]

/** Who is signed in, their own page, the theme, and the way out. */
function Person() {
  const { account, name } = useSession()
  const [theme, setTheme] = useState(chosenTheme)
  const [fault, setFault] = useState<string | null>(null)
  const own = routes.find(route => route.name === 'me')
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
            <a href={own.path}>Sessions and passkeys</a>
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
