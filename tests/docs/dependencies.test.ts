import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))

/** Package → licence, as the tables of the decision say. A row may name several packages of one licence each. */
function told(): Map<string, string> {
  const page = readFileSync(join(root, 'docs/adr/0002-dependencies.md'), 'utf8')
  const found = new Map<string, string>()
  for (const [, names, licences] of page.matchAll(/^\| (`[^|]+`) \| ([^|]+) \|/gm)) {
    const packages = [...(names as string).matchAll(/`([^`]+)`/g)].map(([, name]) => name as string)
    const each = (licences as string).split(',').map(licence => licence.trim())
    for (const [index, name] of packages.entries()) found.set(name, each[index] ?? (each[0] as string))
  }
  return found
}

describe('docs/adr/0002-dependencies.md', () => {
  const { dependencies, devDependencies, optionalDependencies } = json('package.json')
  const versions: Record<string, string> = { ...dependencies, ...devDependencies, ...optionalDependencies }
  const all = Object.keys(versions)

  test('gives a reason for every dependency, and for nothing else', () => {
    assert.deepEqual([...told().keys()].toSorted(), all.toSorted())
  })

  for (const name of all) {
    test(`${name}: the licence that the package states`, () => {
      assert.equal(told().get(name), json(`node_modules/${name}/package.json`).license)
    })
  }

  test('every version is exact', () => {
    for (const version of Object.values(versions)) assert.match(version, /^(?:npm:@?[\w/-]+@)?\d+\.\d+\.\d+$/)
  })
})
