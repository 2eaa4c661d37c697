import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const pages = ['README.md', ...globSync('{docs,conformance,ports}/**/*.md', { cwd: root })].sort()

describe('every page', () => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8').replaceAll(/```[\s\S]*?```/g, '')

    test(`${page} links to what is there`, () => {
      for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(target as string)) continue
        assert.ok(existsSync(join(root, dirname(page), target as string)), `${target} is not there`)
      }
    })

    test(`${page} names files that are there`, () => {
      for (const [, path] of text.matchAll(/`((?:src|tests|sim|scripts|docs|conformance|ports|bin)\/[^`\s{}*…]+)`/g))
        assert.ok(existsSync(join(root, path as string)), `${path} is not there`)
    })
  }

  test('docs/README.md leads to every page', () => {
    const index = readFileSync(join(root, 'docs/README.md'), 'utf8')
    for (const page of globSync('*.md', { cwd: join(root, 'docs') })) {
      if (page !== 'README.md') assert.ok(index.includes(`](${page})`), `docs/${page} is in no list`)
    }
  })

  test('the README begins with the two commands', () => {
    const commands = /```sh\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1]
    assert.equal(commands, 'npm start\nnpm test\n')
  })
})
