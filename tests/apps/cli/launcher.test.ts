import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

const launcher = join(import.meta.dirname, '../../../bin/voltseal')
let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'voltseal launcher ')) // a space in the path, on purpose
})
after(() => rmSync(folder, { recursive: true, force: true }))

function start(command: string, args: readonly string[], path = process.env.PATH ?? '') {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env: { PATH: path }, cwd: folder })
  return { status, stdout, stderr }
}

/** A copy of the launcher in a project without dependencies, and a `node` of the given version on the PATH. */
function bare(version: string): { command: string; path: string } {
  const root = mkdtempSync(join(folder, 'project '))
  mkdirSync(join(root, 'bin'))
  copyFileSync(launcher, join(root, 'bin/voltseal'))
  mkdirSync(join(root, 'path'))
  writeFileSync(
    join(root, 'path/node'),
    `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || echo "ran $2 $3 $NODE_COMPILE_CACHE"\n`,
  )
  chmodSync(join(root, 'path/node'), 0o755)
  return { command: join(root, 'bin/voltseal'), path: `${join(root, 'path')}:/usr/bin:/bin` }
}

describe('bin/voltseal', () => {
  test('runs from any folder, and passes arguments and the exit code on', () => {
    assert.match(start(launcher, ['--version']).stdout, /^\d+\.\d+\.\d+\n$/)
    const { status, stdout, stderr } = start(launcher, ['explain', 'no such code', '--json'])
    assert.equal(status, 66)
    assert.equal(JSON.parse(stdout).code, 'code-unknown')
    assert.doesNotMatch(stderr, /Warning/)
  })

  test('runs by a chain of symbolic links, relative ones too', () => {
    symlinkSync(launcher, join(folder, 'first'))
    symlinkSync('first', join(folder, 'second'))
    assert.match(start(join(folder, 'second'), ['-V']).stdout, /^\d+\.\d+\.\d+\n$/)
  })

  test('takes a new enough Node.js from the PATH where nothing is installed', () => {
    const { command, path } = bare('v26.1.0')
    assert.match(start(command, ['-V'], path).stdout, /^ran .*src\/apps\/cli\/main\.ts -V $/m)
  })

  test('has Node.js keep what it compiled beside the packages, and nowhere else', () => {
    const { command, path } = bare('v26.1.0')
    const packages = join(command, '../../node_modules')
    mkdirSync(packages)
    const ran = start(command, ['-V'], path).stdout
    assert.equal(ran.trim().split(' -V ')[1], join(packages, '.cache/voltseal-compiled'))
    // As on a disk that cannot be written.
    rmSync(join(packages, '.cache'), { recursive: true })
    writeFileSync(join(packages, '.cache'), '')
    assert.match(start(command, ['-V'], path).stdout, /-V $/m)
  })

  for (const version of ['v20.19.2', 'nonsense', '""']) {
    test(`refuses Node.js ${version}, and says what to do`, () => {
      const { command, path } = bare(version)
      const { status, stdout, stderr } = start(command, ['-V'], path)
      assert.deepEqual([status, stdout], [69, ''])
      assert.match(stderr, /^Refused: voltseal needs Node\.js 26 or newer .*Run "npm ci"/)
    })
  }
})
