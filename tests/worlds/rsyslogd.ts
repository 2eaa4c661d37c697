import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Rsyslog, rsyslog } from '../../scripts/rsyslog.ts'
import { SIEM_PAGE } from '../../scripts/siem-docs.ts'

/** A line that rsyslog wrote. `proven`: the text is an entry whole, and hashes to the leaf that came with it. */
export type Written = {
  readonly index: number
  readonly severity: string
  readonly kind: string
  readonly proven: boolean
}

const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** The block of docs/siem.md that is tried here, word by word. */
function fromDocs(name: string): string {
  const text = new RegExp(`<!-- tried: ${name} -->\\n\`\`\`[a-z]*\\n([\\s\\S]*?)\`\`\`\\n`).exec(
    readFileSync(SIEM_PAGE, 'utf8'),
  )?.[1]
  assert.ok(text !== undefined, `docs/siem.md has no block ${name}`)
  return text
}

/**
 * Debian's rsyslog as docs/siem.md sets it up: its certificates, its config, in a folder and on a port of its own. It is started,
 * killed, stopped in its tracks and started again.
 */
export class Rsyslogd {
  readonly folder = mkdtempSync(join(FAST, 'voltseal-rsyslog-'))
  readonly #home: Rsyslog
  #child: ChildProcess | null = null
  port = 0
  #offset = 0
  #rest: Buffer = Buffer.alloc(0)
  readonly #lines: Written[] = []
  readonly #indices = new Set<number>()
  #first = 0

  constructor() {
    const home = rsyslog()
    assert.ok(home !== null, 'rsyslog with rsyslog-gnutls is not there: "npm test" says how to get it')
    this.#home = home
    const { status, stderr } = spawnSync('sh', ['-e', '-c', fromDocs('certificates')], {
      cwd: this.folder,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    mkdirSync(join(this.folder, 'queue'))
  }

  pem(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8')
  }

  get isAlive(): boolean {
    return this.#child !== null
  }

  /** Starts it and waits until it listens; `permits` is the peer that it takes messages of. */
  async start(permits = 'fleet.plant.example'): Promise<void> {
    const place = (name: string): string => join(this.folder, name)
    for (const name of ['port', 'pid']) rmSync(place(name), { force: true })
    const config = fromDocs('rsyslog')
      .replaceAll('/etc/rsyslog.d/voltseal/', `${this.folder}/`)
      .replaceAll('/var/log/voltseal/', `${this.folder}/`)
      .replace('permittedPeer=["fleet.plant.example"]', `permittedPeer=["${permits}"]`)
      .replace('port="6514"', `port="0" address="127.0.0.1" listenPortFileName="${place('port')}"`)
    writeFileSync(place('rsyslog.conf'), `global(workDirectory="${place('queue')}")\n${config}`)
    const { program, modules, libraries } = this.#home
    const env = libraries === null ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries }
    const args = ['-n', '-f', place('rsyslog.conf'), '-i', place('pid'), '-M', modules]
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    const said: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', part => said.push(String(part)))
    child.once('exit', () => {
      if (this.#child === child) this.#child = null
    })
    this.#child = child
    await until('rsyslog listens', () => {
      assert.ok(this.isAlive, `rsyslogd ended: ${said.join('')}`)
      this.port = existsSync(place('port')) ? Number(readFileSync(place('port'), 'utf8')) : 0
      return this.port > 0
    })
  }

  /** Ends it: by SIGTERM in order, by SIGKILL with whatever it held. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === null) return
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGCONT')
    child.kill(signal)
    await gone
  }

  /** Stops it in its tracks: it listens, and reads nothing. */
  freeze(frozen: boolean): void {
    this.#child?.kill(frozen ? 'SIGSTOP' : 'SIGCONT')
  }

  /** Everything that it has written, in its order. */
  written(): readonly Written[] {
    const path = join(this.folder, 'audit.log')
    if (!existsSync(path)) return []
    const file = openSync(path, 'r')
    const part = Buffer.alloc(1 << 20)
    for (let count = 1; count > 0; ) {
      count = readSync(file, part, 0, part.length, this.#offset)
      this.#offset += count
      this.#take(Buffer.concat([this.#rest, part.subarray(0, count)]))
    }
    closeSync(file)
    return this.#lines
  }

  /** The first entry that it has not written. */
  firstMissing(): number {
    this.written()
    while (this.#indices.has(this.#first)) this.#first += 1
    return this.#first
  }

  #take(bytes: Buffer): void {
    let from = 0
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
      const line = writtenOf(bytes.toString('utf8', from, end))
      this.#lines.push(line)
      this.#indices.add(line.index)
      from = end + 1
    }
    this.#rest = bytes.subarray(from)
  }

  async close(): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function writtenOf(line: string): Written {
  const [index = '', severity = '', kind = '', leaf = '', text = ''] = line.split('\t')
  assert.match(index, /^\d+$/, line.slice(0, 200))
  const hash = createHash('sha256')
    .update(Buffer.from([0]))
    .update(text, 'utf8')
    .digest('hex')
  return { index: Number(index), severity, kind, proven: hash === leaf }
}

/** Waits for something that another process does. */
export async function until(what: string, done: () => boolean): Promise<void> {
  for (let waited = 0; !done(); waited += 5) {
    assert.ok(waited < 60_000, `${what}: not within a minute`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
