import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { REFUSALS_PAGE, refusalDocs } from '../../../scripts/refusal-docs.ts'
import type { CodeTable } from '../../../src/core/refusal/code.ts'
import { isRefusal, refuse, sentence } from '../../../src/core/refusal/refusal.ts'
import { isRefusalCode, type RefusalCode, registry } from '../../../src/core/refusal/registry.ts'

const root = join(import.meta.dirname, '../../..')
const codes = Object.keys(registry) as RefusalCode[]
/** The exit codes that code.ts explains. */
const EXITS = new Set([20, 21, 22, 23, 64, 65, 66, 69, 70, 73, 74, 75, 77, 78])

describe('the registry of refusals', () => {
  test('every table is in it, and no code stands in two tables', async () => {
    const seen = new Map<string, string>()
    for (const path of globSync('src/core/refusal/codes-*.ts', { cwd: root })) {
      const tables = Object.values((await import(join(root, path))) as Record<string, CodeTable>)
      for (const code of tables.flatMap(table => Object.keys(table))) {
        assert.equal(seen.get(code), undefined, `${code} stands in ${seen.get(code)} and in ${path}`)
        seen.set(code, path)
      }
    }
    assert.deepEqual([...seen.keys()].sort(), codes.toSorted())
  })

  test('every row reads as part of the sentence', () => {
    for (const code of codes) {
      const { title, fix, exit, status } = registry[code]
      assert.match(code, /^[a-z0-9]+(?:-[a-z0-9]+)+$/)
      assert.match(title, /^[a-z](?:.*[^.])?$/, `${code}: a clause without a capital and a full stop`)
      assert.match(fix, /^(?:[A-Z]|").*\.$/, `${code}: whole sentences`)
      assert.ok(EXITS.has(exit), `${code}: exit code ${exit}`)
      assert.ok(status >= 400 && status <= 599, `${code}: HTTP status ${status}`)
    }
  })

  test('every code is answered somewhere', () => {
    const paths = globSync('{src,sim}/**/*.ts', { cwd: root }).filter(path => !path.includes('/codes-'))
    const text = paths.map(path => readFileSync(join(root, path), 'utf8')).join('\n')
    assert.deepEqual(
      codes.filter(code => !text.includes(`'${code}'`)),
      [],
    )
  })

  test('docs/refusals.md is current (node scripts/refusal-docs.ts)', () => {
    assert.ok(readFileSync(REFUSALS_PAGE, 'utf8') === refusalDocs(), 'run: node scripts/refusal-docs.ts')
  })
})

describe('a refusal', () => {
  test('is a value that says subject, fault, expected, actual and what to do', () => {
    const refusal = refuse('file-missing', 'firmware.bin', 'a file', 'none of that name')
    assert.ok(isRefusal(refusal))
    assert.match(
      sentence(refusal),
      /^firmware\.bin: the file does not exist \(expected a file; got none of that name\)\. Check the path/,
    )
    assert.equal('clause' in refusal, false)
    assert.equal(refuse('file-missing', 'a', 'b', 'c', 'POSIX').clause, 'POSIX')
  })
  test('is not anything else', () => {
    for (const other of [null, undefined, 0, '', {}, [], { refused: false }, { code: 'file-missing' }]) {
      assert.equal(isRefusal(other), false)
    }
  })
  test('a code is a code, not a member of Object', () => {
    assert.equal(isRefusalCode('file-missing'), true)
    for (const word of ['toString', '__proto__', 'constructor', '']) assert.equal(isRefusalCode(word), false)
  })
})
