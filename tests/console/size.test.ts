import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'voltseal-console-'))
const siteFolder = mkdtempSync(join(tmpdir(), 'voltseal-site-page-'))
const packed = (name: string): number => gzipSync(readFileSync(join(folder, name)), { level: 9 }).length

// A process of its own: a build sets up its surroundings for itself.
describe('the console as it is built', () => {
  let said = ''
  // Fails by itself where the first load is larger than it may be.
  before(() => {
    const args = [join(root, 'scripts', 'build-console.ts'), folder, siteFolder]
    said = execFileSync(process.execPath, args, { stdio: 'pipe', encoding: 'utf8' })
  })
  after(() => {
    for (const one of [folder, siteFolder]) rmSync(one, { recursive: true, force: true })
  })

  test('what is loaded before the fleet is seen is at most 60 KiB as gzip, and each screen is a file of its own', () => {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.includes('.'))
    const screens = readdirSync(join(root, 'console', 'screens')).filter(file => file.endsWith('.tsx'))
    assert.ok(screens.includes('fleet.tsx') && screens.includes('sign-in.tsx'))
    for (const screen of screens) {
      const name = screen.replace('.tsx', '')
      const mine = (ending: string): number =>
        names.filter(file => new RegExp(`^assets/${name}-[\\w-]+\\.${ending}$`).test(file)).length
      assert.deepEqual([name, mine('js'), mine('css')], [name, 1, 1])
    }
    const first = /^first load ([\d.]+) KiB of 60\.0 KiB/m.exec(said)?.[1]
    const shell = ['index.html', ...names.filter(file => /^assets\/index-/.test(file))]
    const least = shell.reduce((sum, name) => sum + packed(name), 0) / 1024
    assert.ok(
      Number(first) > least && Number(first) <= 60,
      `${first} KiB, of which the shell alone ${least.toFixed(1)}`,
    )
  })

  test('a gateway’s page is built apart: at most 40 KiB as gzip before the site is seen, and none of the fleet’s screens', () => {
    const [, first = ''] = /^a gateway’s page[\s\S]*^first load ([\d.]+) KiB of 40\.0 KiB/m.exec(said) ?? []
    const shell = ['index.html', ...readdirSync(join(siteFolder, 'assets')).map(name => `assets/${name}`)]
    const least = shell
      .filter(name => /index[.-]|home-/.test(name))
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(siteFolder, name)), { level: 9 }).length, 0)
    assert.ok(Number(first) > least / 1024 && Number(first) <= 40, `${first} KiB of at least ${least}`)
    assert.deepEqual(
      shell.filter(name => /campaign|approvals|audit|fleet/.test(name)),
      [],
    )
  })

  for (const [name, built] of [
    ['the console', folder],
    ['a gateway’s page', siteFolder],
  ] as const) {
    test(`${name}: nothing inline, nothing from elsewhere: what its policy allows`, () => {
      const page = readFileSync(join(built, 'index.html'), 'utf8')
      assert.doesNotMatch(page, /<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/)
      const sources = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(match => match[1] ?? '')
      assert.ok(sources.length >= 3)
      for (const source of sources) assert.match(source, /^\/(?:icon\.svg|assets\/[\w.-]+)$/)
      for (const file of readdirSync(join(built, 'assets'))) {
        const text = readFileSync(join(built, 'assets', file), 'utf8')
        assert.doesNotMatch(text, /\beval\(|new Function\(|url\((?!#|"#)|@import/, file)
      }
    })
  }
})
