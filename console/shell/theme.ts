/** Light, dark, or as the system says. */
export type Theme = 'light' | 'dark' | 'system'

const NAME = 'voltseal.theme'

/** What was chosen in this browser. */
export function chosenTheme(): Theme {
  try {
    const chosen = localStorage.getItem(NAME)
    return chosen === 'light' || chosen === 'dark' ? chosen : 'system'
  } catch {
    return 'system' // a browser that keeps nothing
  }
}

/** Chooses a theme, in this browser for good. */
export function chooseTheme(theme: Theme): void {
  try {
    if (theme === 'system') localStorage.removeItem(NAME)
    else localStorage.setItem(NAME, theme)
  } catch {
    // It holds for this page then.
  }
  apply(theme)
}

/** Puts on what was chosen, before anything is drawn, and what another tab chooses later. */
export function keepTheme(): void {
  apply(chosenTheme())
  addEventListener('storage', ({ key }) => {
    if (key === NAME || key === null) apply(chosenTheme())
  })
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}
