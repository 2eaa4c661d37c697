import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { MAX_SITE_PEOPLE_BYTES, parseSitePeople, type SitePerson } from '../core/fleet/site-people.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { SitePeople } from '../flows/people-ports.ts'

/**
 * The list of who may sign in at a gateway's page, in a file that its user alone may read. It is looked at each time, and read when it is
 * another one: a list that is written anew by a rename has another inode.
 */
export class SitePeopleFile implements SitePeople {
  readonly #path: string
  readonly #site: string
  #seen: { readonly stamp: string; readonly people: readonly SitePerson[] } | null = null

  constructor(path: string, site: string) {
    this.#path = path
    this.#site = site
  }

  now(): readonly SitePerson[] | Refusal {
    const stamp = this.#stamp()
    if (this.#seen?.stamp === stamp) return this.#seen.people
    const people = readSitePeople(this.#path, this.#site)
    this.#seen = isRefusal(people) ? null : { stamp, people }
    return people
  }

  /** What differs when it was written, moved, or given to others. */
  #stamp(): string {
    const found = statSync(this.#path, { throwIfNoEntry: false, bigint: true })
    return found === undefined ? '' : `${found.ino} ${found.mtimeNs} ${found.ctimeNs} ${found.size} ${found.mode}`
  }
}

/** Reads the list of a site; nobody, where there is no such file. Refuses `site-people-unusable`. */
export function readSitePeople(path: string, site: string): readonly SitePerson[] | Refusal {
  const bad = (expected: string, actual: string): Refusal => refuse('site-people-unusable', path, expected, actual)
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    const { code = 'failure' } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? [] : bad('a file that the gateway can read', code)
  }
  try {
    // The open file is judged, not the name: the name may mean another file a moment later.
    const status = fstatSync(file)
    if (!status.isFile()) return bad('a regular file', 'something else')
    const mode = status.mode & 0o777
    if ((mode & 0o077) !== 0) return bad('mode 600', `mode ${mode.toString(8)}`)
    if (status.size > MAX_SITE_PEOPLE_BYTES) return bad(`at most ${MAX_SITE_PEOPLE_BYTES} bytes`, `${status.size}`)
    return parseSitePeople(new Uint8Array(readFileSync(file)), site, path)
  } finally {
    closeSync(file)
  }
}
