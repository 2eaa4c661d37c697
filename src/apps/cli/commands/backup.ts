import type { Command } from 'commander'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import { registry } from '../../../core/refusal/registry.ts'
import { backUpFleet, restoreFleet } from '../../fleet/backup.ts'
import { type Brought, confirmFleet } from '../../fleet/confirm.ts'
import { backUpGateway, confirmGateway, restoreGateway } from '../../gateway/backup.ts'
import type { BackedUp, OnProgress } from '../../process/back-up.ts'
import type { Restored } from '../../process/restore.ts'
import { VERSION } from '../../process/version.ts'
import { several } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { Progress } from '../progress.ts'
import { listing } from '../table.ts'

const FOLDER = 'the folder of the server; it may run'
const BACKUP = 'the folder that the backup becomes; it must not exist, or be empty'
const INTO = 'a new or empty folder'

/** `fleet backup`, `fleet restore`, `fleet confirm-restore`: on the server's own machine, as the user that it runs as. */
export function addFleetBackup(fleet: Command, cli: Cli): void {
  fleet
    .command('backup')
    .description(
      'back up a fleet server, which may go on running: its store, its configuration, its blobs; no private key',
    )
    .argument('<folder>', FOLDER)
    .argument('<backup>', BACKUP)
    .option('--no-blobs', 'leave out the files of releases: back them up by other means')
    .action(
      cli.act(async (folder: string, backup: string, { blobs }: { blobs: boolean }) => {
        const options = { blobs, program: VERSION, clock: cli.world.clock }
        return shownBackup(cli, await backUpFleet(folder, backup, options, shows(cli)))
      }),
    )
  fleet
    .command('restore')
    .description('restore a backup into an empty folder; it is served when somebody has confirmed it')
    .argument('<backup>', 'the folder of the backup')
    .argument('<folder>', INTO)
    .requiredOption('--key <file>', 'the public key of the audit log (keys/audit.pub), kept apart from the backup')
    .action(
      cli.act(async (backup: string, folder: string, { key }: { key: string }) => {
        const restored = await restoreFleet(backup, folder, key, shows(cli))
        const next = `Next: put the private files back, then: voltseal fleet confirm-restore ${folder} --by ACCOUNT --seen CHECKPOINT`
        return shownRestore(cli, restored, next)
      }),
    )
  fleet
    .command('confirm-restore')
    .description('say how a restored fleet goes on: with what others have seen of its log since the backup')
    .argument('<folder>', 'the folder that was restored; it must not be served')
    .requiredOption('--by <account>', 'whose decision it is: an account that keeps its standing')
    .option('--seen <file>', 'the newest checkpoint that a witness, gateway or export holds; repeatable', several, [])
    .option('--log <folder>', 'a copy of the log that is further: an export, or the archive')
    .option('--unwitnessed', 'nobody holds a checkpoint of this log')
    .option('--keep-account <name>', 'another account that keeps its standing; repeatable', several, [])
    .action(
      cli.act((folder: string, options: ConfirmOptions) => {
        const { by, seen, log = null, unwitnessed = false, keepAccount: keep } = options
        return confirm(cli, folder, { by, seen, log, unwitnessed, keep })
      }),
    )
}

type ConfirmOptions = {
  by: string
  seen: readonly string[]
  log?: string
  unwitnessed?: boolean
  keepAccount: readonly string[]
}

async function confirm(cli: Cli, folder: string, asked: Brought): Promise<Work> {
  const confirmed = await confirmFleet(folder, asked, cli.world.clock)
  if (isRefusal(confirmed)) return confirmed
  const { copied, entries, forward, paused, disabled, revoked, passwords, passkeys, sites } = confirmed
  cli.output.progress(`Next: voltseal fleet serve ${folder}`)
  const rows = [
    ['copy of', formatUtc(copied)],
    ['entries of the log', `${entries}`],
    ['of them brought back', `${forward}`],
    ['campaigns that are paused', paused.join(', ') || 'none'],
    ['accounts that are disabled', disabled.join(', ') || 'none'],
    ['tokens and sessions revoked', `${revoked}`],
    ['passwords forgotten', `${passwords}`],
    ['passkeys ended', `${passkeys}`],
    ['sites to be heard', sites.join(', ') || 'none'],
  ] as const
  return { json: confirmed, text: listing(cli.output, rows) }
}

/** `gateway backup`, `gateway restore`, `gateway confirm-restore`. */
export function addGatewayBackup(gateway: Command, cli: Cli): void {
  gateway
    .command('backup')
    .description('back up a gateway, which may go on running: its store and its configuration; no private key')
    .argument('<folder>', FOLDER)
    .argument('<backup>', BACKUP)
    .action(
      cli.act(async (folder: string, backup: string) => {
        const options = { program: VERSION, clock: cli.world.clock }
        return shownBackup(cli, await backUpGateway(folder, backup, options, shows(cli)))
      }),
    )
  gateway
    .command('restore')
    .description('restore a backup into an empty folder; the gateway gives no turns before it has caught up')
    .argument('<backup>', 'the folder of the backup')
    .argument('<folder>', INTO)
    .requiredOption(
      '--key <file>',
      'the public key of the site manifest (keys/manifest.pub), kept apart from the backup',
    )
    .action(
      cli.act(async (backup: string, folder: string, { key }: { key: string }) => {
        const restored = await restoreGateway(backup, folder, key, shows(cli))
        return shownRestore(cli, restored, `Next: put the private files back, then: voltseal gateway serve ${folder}`)
      }),
    )
  addGatewayConfirm(gateway, cli)
}

/** `gateway confirm-restore`: for when a controller is gone for good, and so is never heard. */
function addGatewayConfirm(gateway: Command, cli: Cli): void {
  gateway
    .command('confirm-restore')
    .description('let a restored gateway give turns though not every controller was heard: you have seen to those')
    .argument('<folder>', 'the folder that was restored; it must not be served')
    .action(
      cli.act(async (folder: string) => {
        const confirmed = await confirmGateway(folder, cli.world.clock)
        if (isRefusal(confirmed)) return confirmed
        const text = listing(cli.output, [
          ['site', confirmed.site],
          ['copy of', formatUtc(confirmed.copied)],
        ])
        return { json: confirmed, text }
      }),
    )
}

function shows(cli: Cli): OnProgress {
  let progress: Progress | null = null
  return (done, total, what) => {
    progress ??= new Progress(cli.output, total)
    progress.at(done, what)
  }
}

function shownBackup(cli: Cli, made: BackedUp | Refusal): Work {
  if (isRefusal(made)) return made
  for (const blob of made.damaged) {
    cli.output.warn(`blob ${blob} is damaged, and not in the backup: its bytes have another digest`)
  }
  const text = listing(cli.output, [
    ['backup', made.backup],
    ['of', made.name],
    ['at', formatUtc(made.at)],
    ['bytes', `${made.bytes}`],
    ['blobs', `${made.blobs}`],
    ['not in it', made.absent.join(', ') || 'nothing'],
  ])
  const exit = made.damaged.length > 0 ? { exit: registry['blob-digest-mismatch'].exit } : {}
  return { json: made, text, ...exit }
}

function shownRestore(cli: Cli, restored: Restored | Refusal, next: string): Work {
  if (isRefusal(restored)) return restored
  cli.output.progress(next)
  const text = listing(cli.output, [
    ['folder', restored.folder],
    ['of', restored.name],
    ['as it was at', formatUtc(restored.at)],
    ['to be put back', restored.absent.join(', ') || 'nothing'],
  ])
  return { json: restored, text }
}
