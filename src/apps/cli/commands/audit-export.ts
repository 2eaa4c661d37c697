import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { makeFolders } from '../../../adapters/config-file.ts'
import { takeLock } from '../../../adapters/file-lock.ts'
import { folderLog } from '../../../adapters/log-folder.ts'
import { PlainFiles } from '../../../adapters/repository-folder.ts'
import { verifierKey } from '../../../core/ledger/signed-note.ts'
import { CHECKPOINT_PATH } from '../../../core/ledger/tiles.ts'
import { openSigned } from '../../../core/ledger/trusted-head.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { copyLog } from '../../../flows/copy-log.ts'
import { checkpointOf } from '../../../flows/log-files.ts'
import type { Cli, Work } from '../cli.ts'
import { type LogSource, type TrustOptions, withLog } from '../log-source.ts'
import { Progress } from '../progress.ts'
import { listing } from '../table.ts'
import { trusting } from './audit-verify.ts'

/** `audit export`: the files of a log in a folder, which goes on where it ended last. */
export function addExport(audit: Command, cli: Cli): void {
  const command = audit
    .command('export')
    .description('copy the log into a folder that any web server or stick serves, or bring such a folder up to date')
    .argument('<folder>', 'the folder to write')
    .argument('[where]', 'a folder or an address with the files of a log; without one, the fleet server’s log')
  trusting(command).action(
    cli.act((folder: string, where: string | undefined, options: TrustOptions) =>
      withLog(cli, where, options, log => copy(cli, log, folder)),
    ),
  )
}

/** Keeps off a second run that writes here: it could put an older checkpoint over a newer one. */
const LOCK = '.lock'

async function copy(cli: Cli, log: LogSource, folder: string): Promise<Work> {
  const foreign = refuseForeign(folder)
  if (foreign !== null) return foreign
  makeFolders(folder, 0o755)
  const lock = takeLock(join(folder, LOCK))
  if (isRefusal(lock)) return lock
  if (lock === null) {
    return refuse('data-folder-in-use', folder, 'a folder that nobody else writes to', 'another export under way')
  }
  try {
    return await copyInto(cli, log, folder)
  } finally {
    lock.release()
  }
}

/** A log is not written among the files of somebody who mistyped. */
function refuseForeign(folder: string): Refusal | null {
  const names = existsSync(folder) ? readdirSync(folder) : []
  const isOurs = names.every(name => name === LOCK) || names.some(name => name === CHECKPOINT_PATH || name === 'tile')
  return isOurs ? null : refuse('file-exists', folder, 'an empty folder, or a copy of a log', `${names[0]} in it`)
}

async function copyInto(cli: Cli, { files, policy }: LogSource, folder: string): Promise<Work> {
  const { crypto } = cli.world
  const signed = await checkpointOf(files)
  const head = isRefusal(signed) ? signed : openSigned(signed, policy, crypto)
  if (isRefusal(head)) return head
  let progress: Progress | null = null
  const say = (done: number, all: number): void => {
    progress ??= new Progress(cli.output, all)
    progress.at(done, `${done} of ${all} files`)
  }
  const target = { files: folderLog(folder), folder: new PlainFiles(folder) }
  const copied = await copyLog(files, target, head.key, crypto, say)
  if (isRefusal(copied)) return copied
  const key = verifierKey(crypto, head.key)
  cli.output.progress(`To verify it anywhere: voltseal audit verify ${folder} --key '${key}'`)
  return {
    json: { folder, entries: copied.size, before: copied.before, files: copied.files, key },
    text: listing(cli.output, [
      ['folder', folder],
      ['entries', copied.size],
      ['of them new', copied.size - copied.before],
      ['key', key],
    ]),
  }
}
