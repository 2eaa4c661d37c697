import { render } from 'preact'
import { keepTheme } from '../shell/theme.ts'
import { SiteShell } from './site-shell.tsx'

keepTheme()
const place = document.getElementById('console')
if (place !== null) render(<SiteShell />, place)
