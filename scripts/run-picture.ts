import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Draws docs/run.svg: `node scripts/run-picture.ts` runs the demo once and makes a picture of what it printed. Nothing in
 * it is made up; lines that say the same of another release or controller are left out, and long ones are cut.
 */

const root = join(import.meta.dirname, '..')
const PICTURE = join(root, 'docs', 'run.svg')
const DATA = 'voltseal-data/picture'

const COLUMNS = 112
const CHARACTER = 7.8
const LINE = 18
const MARGIN = 16

/** Lines like others that stay. */
const LEFT_OUT = [
  /^Work in the folder/,
  /^Key /,
  /^Release (?:ems|pcs|bms 7\.27)/,
  /^Sign (?!bms 7\.28)/,
  /^ {2}(?:pcs-\d|bms-[2-9]) /,
  /^The whole run/,
]

type Part = { readonly text: string; readonly ink: string }

/** A line of a terminal as its coloured parts. */
function partsOf(line: string): Part[] {
  const inks: Readonly<Record<string, string>> = { '1': 'strong', '2': 'dim', '32': 'good', '31': 'bad', '33': 'warn' }
  const parts: Part[] = []
  let ink = 'plain'
  let room = COLUMNS
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the terminal's own.
  for (const [index, piece] of line.split(/\u001b\[(\d+)m/).entries()) {
    if (index % 2 === 1) ink = inks[piece] ?? 'plain'
    else if (piece !== '' && room > 0) {
      const text = piece.length > room ? `${piece.slice(0, room - 1)}…` : piece
      parts.push({ text, ink })
      room -= text.length
    }
  }
  return parts
}

/** The lines that stay, with one mark for each run of lines that does not. */
function chosen(lines: readonly string[]): string[] {
  const out: string[] = []
  for (const line of lines) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the terminal's own.
    const plain = line.replaceAll(/\u001b\[\d+m/g, '')
    if (!LEFT_OUT.some(pattern => pattern.test(plain))) out.push(line)
    else if (out.at(-1) !== '  …') out.push('  …')
  }
  return out
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function picture(lines: readonly string[]): string {
  const width = Math.ceil(COLUMNS * CHARACTER + 2 * MARGIN)
  const height = lines.length * LINE + 2 * MARGIN
  const rows = lines.map((line, index) => {
    const spans = partsOf(line).map(({ text, ink }) => `<tspan class="${ink}">${escaped(text)}</tspan>`)
    return `<text x="${MARGIN}" y="${MARGIN + (index + 0.75) * LINE}" xml:space="preserve">${spans.join('')}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="What npm start prints">
<style>
  rect { fill: #f6f8fa; stroke: #d0d7de }
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }
  .plain { fill: #24292f } .strong { fill: #24292f; font-weight: 700 } .dim { fill: #57606a }
  .good { fill: #116329 } .warn { fill: #7d4e00 } .bad { fill: #a40e26 }
  @media (prefers-color-scheme: dark) {
    rect { fill: #0d1117; stroke: #30363d }
    .plain { fill: #c9d1d9 } .strong { fill: #f0f6fc } .dim { fill: #8b949e }
    .good { fill: #56d364 } .warn { fill: #e3b341 } .bad { fill: #ff7b72 }
  }
</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${rows.join('\n')}
</svg>
`
}

/** What the demo printed, both streams in the order in which they came. */
function printed(): Promise<string> {
  const { NO_COLOR: _, ...env } = process.env
  const child = spawn(process.execPath, ['sim/doors/demo.ts', '--once', '--data', DATA], {
    cwd: root,
    env: { ...env, FORCE_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()))
  return new Promise((resolve, reject) => {
    child.on('close', code => (code === 0 ? resolve(text) : reject(new Error(`the demo ended with ${code}:\n${text}`))))
  })
}

const text = await printed()
rmSync(join(root, DATA), { recursive: true, force: true })
const lines = chosen(text.trimEnd().split('\n'))
writeFileSync(PICTURE, picture(['\u001b[1m$ npm start -- --once\u001b[0m', ...lines]))
