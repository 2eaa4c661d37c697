import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * rsyslog with its TLS, the receiver that the tests of the SIEM speak to: that of the system, or Debian's packages unpacked
 * beside the dependencies. Unpacked and not installed: installing would start a daemon that nobody asked for.
 */
export type Rsyslog = {
  readonly program: string
  readonly modules: string
  /** Where its libraries are, when they are not the system's. */
  readonly libraries: string | null
}

const UNPACKED = join(import.meta.dirname, '../node_modules/.cache/voltseal/rsyslog')
const PACKAGES = ['rsyslog', 'rsyslog-gnutls', 'libestr0', 'libfastjson4', 'liblognorm5']

/** Null when it is not there. */
export const rsyslog = (unpacked = UNPACKED): Rsyslog | null => under('/') ?? under(unpacked)

function under(root: string): Rsyslog | null {
  const program = join(root, 'usr/sbin/rsyslogd')
  const [tls] = globSync(join(root, 'usr/lib*/{*/,}rsyslog/lmnsd_gtls.so'))
  if (tls === undefined || !existsSync(program)) return null
  const modules = join(tls, '..')
  return { program, modules, libraries: root === '/' ? null : join(modules, '..') }
}

/** Fetches the packages from where the system gets its own, and unpacks them. Needs no rights. */
export function unpackRsyslog(say: (line: string) => void, folder = UNPACKED): void {
  say('Fetching rsyslog, a receiver of syslog over TLS for the tests (apt-get download) ...')
  mkdirSync(folder, { recursive: true })
  const { status } = spawnSync('apt-get', ['download', '-qq', ...PACKAGES], {
    cwd: folder,
    stdio: 'ignore',
    timeout: 120_000,
  })
  if (status !== 0) say(`apt-get download ended with ${status ?? 'a signal'}.`)
  for (const file of globSync('*.deb', { cwd: folder })) spawnSync('dpkg-deb', ['-x', file, '.'], { cwd: folder })
}
