import type { Command } from 'commander'
import { readText } from '../../../adapters/config-file.ts'
import { instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import type { Cosigned, LogPolicy } from '../../../core/ledger/log-policy.ts'
import { MAX_NOTE_BYTES } from '../../../core/ledger/signed-note.ts'
import { openSigned } from '../../../core/ledger/trusted-head.ts'
import type { KnownHead } from '../../../core/ledger/verify.ts'
import { isRefusal, type Refusal, sentence } from '../../../core/refusal/refusal.ts'
import { type VerifiedLog, verifyFiles } from '../../../flows/prove.ts'
import { breakTable } from '../break-table.ts'
import type { Cli, Work } from '../cli.ts'
import { type LogSource, type TrustOptions, withLog } from '../log-source.ts'
import { exitOf } from '../output.ts'
import { Progress } from '../progress.ts'
import { listing } from '../table.ts'
import { judgedText, passedText, unjudgedTable } from '../unjudged-table.ts'

type Options = TrustOptions & { readonly known?: string }

/** The options that say whom to believe and where to read, the same for each command that reads a log. */
export const trusting = (command: Command): Command =>
  command
    .option('--key <text>', 'the key of the log, as your profile has it (auditKey)')
    .option('--policy <file>', 'which witnesses have to have signed, and which logs to trust (C2SP tlog-policy)')
    .option('--ca <file>', 'the authority of the server at an https address, in PEM, in place of the system’s')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .option(
      '--archive <where>',
      'a folder or an address with the archive of the log, for entries that the log has not got',
    )

/** `audit verify`: all of a log, wherever its files are. */
export function addVerify(audit: Command, cli: Cli): void {
  const command = audit
    .command('verify')
    .description('verify every entry against the tiles, the root and the signatures of log and witnesses')
    .argument('[where]', 'a folder or an address with the files of a log; without one, the fleet server’s log')
    .option('--known <file>', 'a checkpoint of this log from before, which it has to continue')
  trusting(command).action(
    cli.act((where: string | undefined, options: Options) =>
      withLog(cli, where, options, log => verify(cli, log, options)),
    ),
  )
}

async function verify(cli: Cli, { files, policy, from }: LogSource, { known: file }: Options): Promise<Work> {
  const known = file === undefined ? null : knownHead(cli, file, policy)
  if (isRefusal(known)) return known
  const say = progressOf(cli)
  const verified = await verifyFiles(files, policy, cli.world.crypto, { known, say })
  return isRefusal(verified) ? verified : report(cli, verified, from, known)
}

/** Tells how many entries have been read; of a log that is read at once, nothing. */
export function progressOf(cli: Cli): (read: number, size: number) => void {
  let progress: Progress | null = null
  return (read, size) => {
    if (size < QUICK) return
    progress ??= new Progress(cli.output, size)
    progress.at(read, `${read} of ${size} entries`)
  }
}

const QUICK = 5000

/** The head of a checkpoint that was kept. Refuses as `openSigned`. */
function knownHead(cli: Cli, file: string, policy: LogPolicy): KnownHead | Refusal {
  const text = readText(file, MAX_NOTE_BYTES)
  if (isRefusal(text)) return text
  const head = openSigned(text, policy, cli.world.crypto)
  return isRefusal(head) ? { ...head, subject: `${file}: ${head.subject}` } : head.checkpoint
}

/** Who of the witnesses has signed, and when. */
export const cosignedText = (cosigned: Cosigned): string =>
  [...cosigned].map(([name, seconds]) => `${name} at ${formatUtc(instant(seconds * 1000))}`).join(', ') || 'none'

/** The same for programs: seconds since 1970 by name. */
export const cosignedJson = (cosigned: Cosigned): Record<string, number> => Object.fromEntries(cosigned)

function report(cli: Cli, { verdict, head, cosigned }: VerifiedLog, from: string, known: KnownHead | null): Work {
  for (const finding of verdict.findings) cli.output.warn(sentence(finding))
  if (verdict.dropped > 0) cli.output.warn(`and ${verdict.dropped} further findings`)
  const { sound, size, root, origins, sitesJudged, passedOver, unjudged, moreUnjudged, breaks, moreBreaks } = verdict
  const { findings, dropped } = verdict
  const text = listing(cli.output, [
    ['log', from],
    ['origin', head.key.name],
    ['entries', size],
    ['root', root],
    ['witnesses', cosignedText(cosigned)],
    ...(known === null ? [] : [['continues', `${known.size} entries, known from before`] as const]),
    ['verdict', sound ? { text: 'sound', tone: 'good' } : { text: 'NOT SOUND', tone: 'bad' }],
    ['findings', findings.length + dropped],
    ['breaks', breaks.length + moreBreaks],
    ...(sitesJudged ? [] : [['passed over', passedText(verdict)] as const]),
    ...(sitesJudged ? [] : [['sites', judgedText(verdict)] as const]),
  ])
  const json = {
    sound,
    origin: head.key.name,
    size,
    root,
    cosigned: cosignedJson(cosigned),
    known: known?.size ?? null,
    origins,
    sitesJudged,
    passedOver,
    unjudged,
    moreUnjudged,
    breaks,
    moreBreaks,
    findings,
    dropped,
  }
  const [first] = findings
  const tables = [
    ...(breaks.length === 0 ? [] : [breakTable(cli, breaks, moreBreaks)]),
    ...(unjudged.length === 0 ? [] : [unjudgedTable(cli, unjudged, moreUnjudged)]),
  ]
  const said = [text, ...tables].join('\n\n')
  return first === undefined ? { json, text: said } : { json, text: said, exit: exitOf(first) }
}
