import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { tufClient } from '../../../conformance/doors/tuf-commands.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { ForeignRepository } from './foreign-repository.ts'

/** A web server with a repository for each client. */
const repositories = new Map<string, ForeignRepository>()
let server: Server | null = null
let count = 0

/** To be called by each test file that makes clients. */
export function withServer(): void {
  before(async () => {
    server = createServer((request, response) => {
      const [, name, kind, ...rest] = (request.url as string).split('/')
      const repository = repositories.get(name as string)
      const path = rest.join('/')
      if (repository !== undefined && repository.endless === kind) return flood(repository, response)
      const bytes = kind === 'metadata' ? repository?.metadata(path) : repository?.artifact(path)
      return response.writeHead(bytes ? 200 : 404).end(bytes ?? undefined)
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => server?.once('listening', resolve))
  })
  after(() => {
    server?.close()
    server?.closeAllConnections()
  })
}

/** Far more than anybody asked for, as fast as it is taken. A client that does not stop gets it whole, and no more. */
function flood(repository: ForeignRepository, response: ServerResponse): void {
  const part = Buffer.alloc(1 << 16)
  const more = (): void => {
    while (repository.sent < 64 << 20 && !response.destroyed) {
      repository.sent += part.length
      if (!response.write(part)) return void response.once('drain', more)
    }
    response.end()
  }
  response.writeHead(200)
  more()
}

/** How long the client waits for the clock: the suite runs it under `faketime`. */
export type When = { readonly inDays?: number }

/** The client under test with folders of its own, before a repository of its own. */
export class Client {
  readonly folder = mkdtempSync(join(tmpdir(), 'voltseal-tuf-'))
  readonly repository: ForeignRepository
  /** Set when each command is to be a process, as the suite has it. */
  command: readonly string[] | null = null
  readonly #name: string

  constructor(repository = new ForeignRepository()) {
    this.repository = repository
    count += 1
    this.#name = `r${count}`
    repositories.set(this.#name, repository)
    // The suite makes both folders before it calls the client.
    mkdirSync(this.metadata)
    mkdirSync(this.targets)
  }

  get metadata(): string {
    return join(this.folder, 'metadata')
  }

  get targets(): string {
    return join(this.folder, 'targets')
  }

  /** With a slash at its end, as the suite gives it. */
  url(kind: 'metadata' | 'targets'): string {
    const { port } = (server as Server).address() as AddressInfo
    return `http://127.0.0.1:${port}/${this.#name}/${kind}/`
  }

  async run(args: readonly string[], { inDays = 0 }: When = {}): Promise<number> {
    let said = ''
    const say = (text: string): void => {
      said += text
    }
    const now = instant(Date.now() + inDays * 86_400_000)
    const code = this.command === null ? await tufClient(args, { now, say }) : await runs(this.command, args, say)
    assert.ok(code === 0 || code === 1, `exit ${code}: ${said}`)
    assert.equal(code === 0, said === '', said)
    return code
  }

  init(root = this.repository.published.get('root')?.[0] as Uint8Array): Promise<number> {
    const file = join(this.folder, 'initial_root.json')
    writeFileSync(file, root)
    return this.run(['--metadata-dir', this.metadata, 'init', file])
  }

  refresh(when?: When): Promise<number> {
    return this.run(['--metadata-url', this.url('metadata'), '--metadata-dir', this.metadata, 'refresh'], when)
  }

  download(target: string, when?: When): Promise<number> {
    const metadata = ['--metadata-url', this.url('metadata'), '--metadata-dir', this.metadata]
    const targets = ['--target-name', target, '--target-dir', this.targets, '--target-base-url', this.url('targets')]
    return this.run([...metadata, ...targets, 'download'], when)
  }

  /** The roles that are trusted, with their versions, in the order of their names. */
  get trusted(): Record<string, number> {
    const names = readdirSync(this.metadata).filter(name => name.endsWith('.json'))
    const version = (name: string): number => JSON.parse(this.stored(name).toString()).signed.version
    return Object.fromEntries(names.sort().map(name => [name.slice(0, -5), version(name)]))
  }

  stored(name: string): Buffer {
    return readFileSync(join(this.metadata, name))
  }

  /** Asserts that what is trusted of a role is what the repository published last. */
  trusts(role: string, bytes = this.repository.latest(role)): void {
    assert.deepEqual(new Uint8Array(this.stored(`${role}.json`)), bytes, role)
  }

  /** What was downloaded, in the order in which it was. */
  get downloaded(): string[] {
    const files = readdirSync(this.targets).map(name => join(this.targets, name))
    const byTime = (a: string, b: string): number => statSync(a).mtimeMs - statSync(b).mtimeMs
    return files.sort(byTime).map(file => readFileSync(file, 'utf8'))
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function runs(command: readonly string[], args: readonly string[], say: (text: string) => void): Promise<number> {
  const [program, ...first] = command as [string, ...string[]]
  const child = spawn(program, [...first, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', say)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve(code ?? -1))
  })
}

/** A test with a client that trusts the repository's first root. `named` as the suite has it. */
export function conforms(
  named: string,
  run: (client: Client, repository: ForeignRepository) => Promise<void>,
  made: () => ForeignRepository = () => new ForeignRepository(),
): void {
  it(named, async () => {
    const client = new Client(made())
    try {
      assert.equal(await client.init(), 0)
      await run(client, client.repository)
    } finally {
      client.close()
    }
  })
}
