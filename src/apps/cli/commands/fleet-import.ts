import { basename } from 'node:path'
import type { Command } from 'commander'
import { openTextPieces, type TextPieces } from '../../../adapters/text-pieces.ts'
import { CsvReader, type CsvRecord } from '../../../core/encoding/csv.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../../core/refusal/refusal.ts'
import { isRefusalCode } from '../../../core/refusal/registry.ts'
import type { ImportBegun, ImportEnded, LinesStaged } from '../../../wire/inventory-views.ts'
import { MAX_IMPORT_LINES } from '../../../wire/routes/inventory.ts'
import type { Cli, Work } from '../cli.ts'
import { Progress } from '../progress.ts'
import { type Session, withSession } from '../session.ts'
import { listing } from '../table.ts'

type Options = { readonly dryRun?: boolean; readonly goodLines?: boolean; readonly profile?: string }
type Fault = LinesStaged['faults'][number]

export function addFleetImport(fleet: Command, cli: Cli): void {
  fleet
    .command('import')
    .description('take a list of controllers in CSV into the inventory, as what your records claim (docs/inventory.md)')
    .argument('<file>', 'a CSV file (RFC 4180) whose first line names the columns')
    .option('--dry-run', 'judge every line, and take nothing in')
    .option('--good-lines', 'take the good lines in, whatever the others are; without it, all lines or none')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((file: string, options: Options) =>
        withSession(cli, options.profile, session => importList(cli, session, file, options)),
      ),
    )
}

/** Bad lines that the answer in JSON lists; all are told on stderr, as they are found. */
const LISTED = 10_000

async function importList(cli: Cli, session: Session, file: string, options: Options): Promise<Work> {
  const pieces = openTextPieces(file)
  if (isRefusal(pieces)) return pieces
  try {
    const list = new List(cli, session, pieces)
    const staged = await list.stage(basename(file))
    if (isRefusal(staged)) {
      // What was staged of it is of no use to anybody; where the server is away, its next start gives it up.
      if (list.begun) await list.end('nothing')
      return staged
    }
    const { lines, bad, faults } = staged
    const ended = await list.end(options.dryRun === true ? 'nothing' : options.goodLines === true ? 'good' : 'all')
    if (isRefusal(ended)) return ended
    const json = { file, lines, bad, taken: ended.taken, dryRun: options.dryRun === true, faults }
    const text = listing(cli.output, [
      ['lines', lines],
      ['bad lines', bad === 0 ? 0 : { text: String(bad), tone: 'warn' }],
      ['taken in', options.dryRun === true ? 'nothing: this was a dry run' : ended.taken],
    ])
    return bad > 0 && options.dryRun === true ? { json, text, exit: 65 } : { json, text }
  } finally {
    pieces.close()
  }
}

/** Characters that are sent together: as JSON, with each of them escaped, far below what a body may hold. */
const CHARACTERS = 256 * 1024

type Staged = { readonly lines: number; readonly bad: number; readonly faults: readonly Fault[] }

/** A list on its way to the server: read, sent and judged a thousand lines at a time. */
class List {
  readonly #cli: Cli
  readonly #session: Session
  readonly #pieces: TextPieces
  readonly #progress: Progress
  readonly #faults: Fault[] = []
  #import: number | null = null
  #lines = 0
  #bad = 0

  constructor(cli: Cli, session: Session, pieces: TextPieces) {
    this.#cli = cli
    this.#session = session
    this.#pieces = pieces
    this.#progress = new Progress(cli.output, pieces.bytes)
  }

  get begun(): boolean {
    return this.#import !== null
  }

  async stage(name: string): Promise<Staged | Refusal> {
    const reader = new CsvReader()
    let waiting: { line: number; fields: readonly string[] }[] = []
    let size = 0
    for (let done = false; !done; ) {
      const text = this.#pieces.next()
      if (isRefusal(text)) return text
      done = text === null
      for (const record of text === null ? reader.end() : reader.push(text)) {
        const begun = this.begun ? null : await this.#begin(name, record)
        if (isRefusal(begun)) return begun
        if (begun === 'the header') continue
        this.#lines += 1
        if ('fields' in record) {
          waiting.push(record)
          size += record.fields.reduce((sum, field) => sum + field.length, 0)
        } else
          this.#tell({
            line: record.line,
            code: 'import-line-malformed',
            expected: 'a line of CSV',
            actual: record.fault,
          })
        if (waiting.length < MAX_IMPORT_LINES && size < CHARACTERS) continue
        const sent = await this.#send(waiting)
        if (isRefusal(sent)) return sent
        waiting = []
        size = 0
      }
    }
    const sent = waiting.length === 0 ? null : await this.#send(waiting)
    if (isRefusal(sent)) return sent
    if (!this.begun) return refuse('import-header-malformed', name, 'a first line with the columns', 'an empty file')
    this.#show()
    return { lines: this.#lines, bad: this.#bad, faults: this.#faults }
  }

  async #begin(name: string, record: CsvRecord): Promise<'the header' | Refusal> {
    if ('fault' in record)
      return refuse('import-header-malformed', `line ${record.line}`, 'a line of CSV', record.fault)
    const body = { name: name.slice(0, 160), columns: record.fields }
    const begun = await this.#session.post<ImportBegun>('/v1/inventory/imports', body)
    if (isRefusal(begun)) return begun
    this.#import = begun.import
    return 'the header'
  }

  async #send(lines: readonly { line: number; fields: readonly string[] }[]): Promise<null | Refusal> {
    const staged = await this.#session.post<LinesStaged>(`/v1/inventory/imports/${this.#import}/lines`, { lines })
    if (isRefusal(staged)) return staged
    for (const fault of staged.faults) this.#tell(fault)
    this.#show()
    return null
  }

  #tell(fault: Fault): void {
    this.#bad += 1
    if (this.#faults.length < LISTED) this.#faults.push(fault)
    const { line, code, expected, actual } = fault
    const said = isRefusalCode(code)
      ? sentence(refuse(code, `line ${line}`, expected, actual))
      : `line ${line}: ${actual}`
    this.#cli.output.warn(said)
  }

  #show(): void {
    this.#progress.at(this.#pieces.at(), `${this.#lines} lines, ${this.#bad} bad`)
  }

  end(take: 'all' | 'good' | 'nothing'): Promise<ImportEnded | Refusal> {
    return this.#session.post<ImportEnded>(`/v1/inventory/imports/${this.#import}/end`, { take, bad: this.#bad })
  }
}
