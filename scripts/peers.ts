import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { installPackages, isProgram } from './needs.ts'

/**
 * `npm run test:peers`: our log against an implementation of the same formats that others wrote (tests/peers). It needs Go and
 * golang.org/x/mod, both of which Debian packs; they are installed when they are missing.
 */

const PACKAGES = ['golang-go', 'golang-golang-x-mod-dev']
const hasPeer = (): boolean => isProgram('go') && existsSync('/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog')

if (!hasPeer())
  installPackages(PACKAGES, 'Go and golang.org/x/mod, the peer', line => process.stdout.write(`${line}\n`))
if (!hasPeer()) {
  process.stdout.write(`✖ The peer is not installed: the packages ${PACKAGES.join(' and ')} of Debian.\n`)
  process.exitCode = 1
} else {
  const flags = ['--disable-warning=ExperimentalWarning', '--test', '--test-isolation=none', '--test-reporter=spec']
  const { status } = spawnSync(process.execPath, [...flags, join('tests', 'peers', 'sumdb.ts')], {
    cwd: join(import.meta.dirname, '..'),
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}
