import { Command } from 'commander'
import { readText, writeWhole } from '../../../adapters/config-file.ts'
import { fromBase64 } from '../../../core/encoding/bytes.ts'
import { type NoteKey, parseVerifierKey } from '../../../core/ledger/signed-note.ts'
import { beginVerification, endVerification, type LogVerdict, takeEntry } from '../../../core/ledger/verify.ts'
import { isRefusal, type Refusal, refuse, sentence } from '../../../core/refusal/refusal.ts'
import type { AuditPage, CheckpointView } from '../../../wire/fleet-views.ts'
import type { Cli, Work } from '../cli.ts'
import { exitOf } from '../output.ts'
import { type Session, withSession } from '../session.ts'
import { listing } from '../table.ts'

type Options = { profile?: string; key?: string }

/** A whole log in one file: the signed checkpoint and every entry, base64, in order. */
type Export = { readonly kind: 'voltseal-audit-log'; readonly checkpoint: string; readonly entries: readonly string[] }

const MAX_EXPORT = 1 << 30
const PAGE = 1000

export function addAudit(program: Command, cli: Cli): void {
  const audit = new Command('audit').description('verify and export the audit log').copyInheritedSettings(program)
  audit
    .command('verify')
    .description('verify every entry against the signed checkpoint: over the API, or offline from an export')
    .argument('[file]', 'an export; without one the log is read from the fleet server')
    .option('--key <text>', 'the key that signs checkpoints, as audit export printed it')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(cli.act((file: string | undefined, options: Options) => verify(cli, file, options)))
  audit
    .command('export')
    .description('write the whole log into one file that can be verified offline')
    .argument('<file>', 'the file to write')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((file: string, { profile }: Options) =>
        withSession(cli, profile, session => exportLog(cli, session, file)),
      ),
    )
  program.addCommand(audit)
}

async function verify(cli: Cli, file: string | undefined, options: Options): Promise<Work> {
  if (file !== undefined && options.key !== undefined) {
    const log = readExport(file)
    return isRefusal(log) ? log : verdictOf(cli, log, options.key, file)
  }
  return withSession(cli, options.profile, async session => {
    const log = file === undefined ? await fetchLog(cli, session) : readExport(file)
    return isRefusal(log)
      ? log
      : verdictOf(cli, log, options.key ?? session.profile.auditKey, file ?? session.profile.url)
  })
}

function verdictOf(cli: Cli, log: Export, keyText: string, from: string): Work {
  const { crypto } = cli.world
  const key = parseVerifierKey(crypto, keyText)
  if (key === null) return refuse('key-malformed', 'the key of the log', 'a C2SP verifier key', keyText.slice(0, 40))
  let verification = beginVerification(crypto)
  for (const [index, text] of log.entries.entries()) {
    const bytes = fromBase64(text)
    if (bytes === null) return refuse('config-malformed', `${from}, entry ${index}`, 'base64', 'something else')
    verification = takeEntry(crypto, verification, { bytes })
  }
  return report(cli, endVerification(crypto, verification, log.checkpoint, key), key, from)
}

function report(cli: Cli, verdict: LogVerdict, key: NoteKey, from: string): Work {
  for (const finding of verdict.findings) cli.output.warn(sentence(finding))
  if (verdict.dropped > 0) cli.output.warn(`and ${verdict.dropped} further findings`)
  const first = verdict.findings[0]
  const text = listing(cli.output, [
    ['log', from],
    ['origin', key.name],
    ['entries', verdict.size],
    ['root', verdict.root],
    ['verdict', verdict.sound ? { text: 'sound', tone: 'good' } : { text: 'NOT SOUND', tone: 'bad' }],
    ['findings', verdict.findings.length + verdict.dropped],
  ])
  const { sound, size, root, origins, findings } = verdict
  const json = { sound, origin: key.name, size, root, origins, findings }
  return first === undefined ? { json, text } : { json, text, exit: exitOf(first) }
}

async function exportLog(cli: Cli, session: Session, file: string): Promise<Work> {
  const log = await fetchLog(cli, session)
  if (isRefusal(log)) return log
  writeWhole(file, `${JSON.stringify(log)}\n`)
  const key = session.profile.auditKey
  cli.output.progress(`To verify it offline: voltseal audit verify ${file} --key '${key}'`)
  return {
    json: { file, entries: log.entries.length, key },
    text: listing(cli.output, [
      ['file', file],
      ['entries', log.entries.length],
      ['key', key],
    ]),
  }
}

async function fetchLog(cli: Cli, session: Session): Promise<Export | Refusal> {
  const head = await session.get<CheckpointView>('/v1/audit/checkpoint')
  if (isRefusal(head)) return head
  const entries: string[] = []
  while (entries.length < head.size) {
    const to = Math.min(entries.length + PAGE, head.size)
    const page = await session.get<AuditPage>(`/v1/audit/entries?from=${entries.length}&to=${to}`)
    if (isRefusal(page)) return page
    if (page.entries.length === 0) break
    entries.push(...page.entries.map(({ bytes }) => bytes))
    if (head.size > PAGE) cli.output.progress(`${entries.length} of ${head.size} entries`)
  }
  return { kind: 'voltseal-audit-log', checkpoint: head.checkpoint, entries }
}

function readExport(file: string): Export | Refusal {
  const text = readText(file, MAX_EXPORT)
  if (isRefusal(text)) return text
  const wrong = (actual: string): Refusal => refuse('config-malformed', file, 'a log that audit export wrote', actual)
  try {
    const log = JSON.parse(text) as Partial<Export> | null
    if (log?.kind !== 'voltseal-audit-log' || typeof log.checkpoint !== 'string' || !Array.isArray(log.entries)) {
      return wrong('another file')
    }
    return log.entries.every(entry => typeof entry === 'string') ? (log as Export) : wrong('entries of another kind')
  } catch {
    return wrong('something that is not JSON')
  }
}
