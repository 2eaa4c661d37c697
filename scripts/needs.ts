import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { rsyslog, unpackRsyslog } from './rsyslog.ts'

/**
 * What the tests need of the machine beside the packages of npm: a token in software, the binding that speaks to tokens, a C compiler, and
 * a receiver of syslog. Whatever is missing and can be installed without asking anybody is installed; of the rest it is said what to do.
 */

/** Where the module of SoftHSM 2 lies: Debian and Ubuntu, Fedora, Alpine, Homebrew. */
const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
]

/** The PKCS #11 module of SoftHSM 2, or null when it is not installed. */
export const softhsmModule = (): string | null => MODULES.find(path => existsSync(path)) ?? null

export const isProgram = (name: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some(folder => folder !== '' && existsSync(join(folder, name)))

/** The C compilers that are there, of those that anybody has. */
export const compilers = (): string[] => ['gcc', 'clang', 'cc'].filter(isProgram)

const hasSofthsm = (): boolean => softhsmModule() !== null && isProgram('softhsm2-util')

const APT = ['apt-get', 'install', '-y', '--no-install-recommends']

/** Installs what it can, with a line about it; answers one line for each thing that a person has to install. */
export function installNeeds(say: (line: string) => void): string[] {
  const missing: string[] = []
  if (!hasSofthsm()) installPackages(['softhsm2'], 'SoftHSM 2, a token in software for the tests', say)
  if (!hasSofthsm()) {
    missing.push(
      `SoftHSM 2 is not installed: as root, "${APT.join(' ')} softhsm2", or the package softhsm of your system.`,
    )
  }
  if (compilers().length === 0) installPackages(['gcc', 'libc6-dev'], 'a C compiler, for the applier in C', say)
  if (compilers().length === 0) {
    missing.push(
      `A C compiler is not installed: as root, "${APT.join(' ')} gcc libc6-dev", or the package gcc of your system.`,
    )
  }
  if (rsyslog() === null && isProgram('apt-get')) unpackRsyslog(say)
  if (rsyslog() === null) {
    missing.push('rsyslog with TLS is not installed: the packages rsyslog and rsyslog-gnutls of your system.')
  }
  try {
    createRequire(import.meta.url)('pkcs11js')
  } catch {
    missing.push(
      'The package pkcs11js was not built: install a C++ compiler, make and python3, delete node_modules and run the same again. Where neither nodejs.org can be reached nor the headers of Node.js are installed, "npm rebuild pkcs11js --nodedir=FOLDER" takes the FOLDER above include/node.',
    )
  }
  return missing
}

/** Packages of Debian, if they can be installed without asking anybody. */
export function installPackages(packages: readonly string[], what: string, say: (line: string) => void): void {
  if (!isProgram('apt-get')) return
  const root = process.getuid?.() === 0
  if (!root && !isProgram('sudo')) return
  say(`Installing ${what} (apt-get) ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const command of [
    ['apt-get', 'update', '-qq'],
    [...APT, ...packages],
  ]) {
    // -n: where sudo would ask for a password, nothing is installed and the tests say what to do.
    const [program, ...args] = root ? command : ['sudo', '-n', ...command]
    const { status } = spawnSync(program as string, args, { stdio: 'ignore', env, timeout: 300_000 })
    if (status !== 0) say(`${command.slice(0, 2).join(' ')} ended with ${status ?? 'a signal'}.`)
  }
}
