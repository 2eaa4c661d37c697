import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'voltseal-console-'))
const packed = (name: string): number => gzipSync(readFileSync(join(folder, name)), { level: 9 }).length

// A process of its own: a build sets up its surroundings for itself.
describe('the console as it is built', () => {
  before(() => execFileSync(process.execPath, [join(root, 'scripts', 'build-console.ts'), folder], { stdio: 'pipe' }))
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('what is loaded first is at most 60 KiB as gzip, and what refusal codes mean comes behind it', () => {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.includes('.'))
    assert.ok(names.some(name => name.endsWith('.js')) && names.some(name => name.endsWith('.css')))
    const later = names.filter(name => /^assets\/code-words-[\w-]+\.js$/.test(name))
    assert.equal(later.length, 1)
    const total = names.reduce((sum, name) => sum + (later.includes(name) ? 0 : packed(name)), 0)
    assert.ok(total > 20 * 1024 && total <= 60 * 1024, `${(total / 1024).toFixed(1)} KiB`)
  })

  test('nothing inline, nothing from elsewhere: what its policy allows', () => {
    const page = readFileSync(join(folder, 'index.html'), 'utf8')
    assert.doesNotMatch(page, /<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/)
    const sources = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(match => match[1] ?? '')
    assert.ok(sources.length >= 3)
    for (const source of sources) assert.match(source, /^\/(?:icon\.svg|assets\/[\w.-]+)$/)
    for (const name of readdirSync(join(folder, 'assets'))) {
      const text = readFileSync(join(folder, 'assets', name), 'utf8')
      assert.doesNotMatch(text, /\beval\(|new Function\(|url\((?!#|"#)|@import/, name)
    }
  })
})
