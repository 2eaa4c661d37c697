import { render } from 'preact'
import { Shell } from './shell/shell.tsx'
import { keepTheme } from './shell/theme.ts'

keepTheme()
const place = document.getElementById('console')
if (place !== null) render(<Shell />, place)
