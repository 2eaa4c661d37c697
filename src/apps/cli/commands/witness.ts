import { Command } from 'commander'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { forgetLog } from '../../witness/forget.ts'
import { initWitness } from '../../witness/init.ts'
import { askWitnessStatus, serveWitness } from '../../witness/serve.ts'
import { several, whole } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { isAlarming, logText } from '../log-text.ts'
import { listing, table } from '../table.ts'

type InitOptions = {
  name: string
  log: readonly string[]
  host: string
  port: number
  prefix?: string
  cert?: string
  key?: string
  signingKey?: string
}

export function addWitness(program: Command, cli: Cli): void {
  const witness = new Command('witness')
    .description('make and run a witness: it cosigns the checkpoints of logs that only ever grow')
    .copyInheritedSettings(program)
  witness
    .command('init')
    .description('make a witness’s folder: config and key; prints the key that others trust it by')
    .argument('<folder>', 'the folder; it must not exist, or be empty')
    .requiredOption('--name <name>', 'the name of its key: a URL without its scheme, such as witness.example/w1')
    .requiredOption('--log <key>', 'the key of a log that it signs for (NAME+ID+KEY); repeatable', several)
    .option('--host <address>', 'the address that it serves on', '127.0.0.1')
    .option('--port <n>', 'the port', whole, 8447)
    .option('--prefix <path>', 'what stands before /add-checkpoint in its address, such as /witness')
    .option('--cert <file>', 'its certificate in PEM; without one it serves plain HTTP to this machine alone')
    .option('--key <file>', 'the private key of the certificate in PEM')
    .option('--signing-key <key>', 'an ed25519 key in a token that cosigns (made here, in a file)')
    .action(
      cli.act(async (folder: string, options: InitOptions) => {
        const made = await initWitness(folder, options, { ...cli.world, openSigner: cli.openSigner })
        if (isRefusal(made)) return made
        cli.output.progress(`Next: voltseal witness serve ${folder}`)
        cli.output.progress(`In a policy (C2SP tlog-policy): witness NAME ${made.key} ${made.url}`)
        return {
          json: made,
          text: listing(cli.output, [
            ['witness', made.name],
            ['key', made.key],
            ['url', made.url],
            ['logs', made.logs.join(', ')],
            ['folder', made.folder],
          ]),
        }
      }),
    )
  witness
    .command('serve')
    .description('witness until it is told to stop (Ctrl-C, SIGTERM)')
    .argument('<folder>', 'the folder that witness init made')
    .action(cli.act((folder: string) => serveWitness(folder, cli.world.clock)))
  witness
    .command('status')
    .description('what it has signed of each log; exit code 20 when a log has forked')
    .argument('<folder>', 'the folder of a witness that serves, on this machine')
    .action(cli.act((folder: string) => status(cli, folder)))
  witness
    .command('forget')
    .description('while it does not serve: forget what was signed of a log, so that it may begin anew')
    .argument('<folder>', 'the folder that witness init made')
    .requiredOption('--log <origin>', 'the log, by its origin')
    .action(cli.act((folder: string, { log }: { log: string }) => forget(cli, folder, log)))
  program.addCommand(witness)
}

async function status(cli: Cli, folder: string): Promise<Work> {
  const answer = await askWitnessStatus(folder)
  if (isRefusal(answer)) return answer
  const head = listing(cli.output, [
    ['witness', answer.name],
    ['key', answer.key],
  ])
  const rows = answer.logs.map(log => {
    const tone = isAlarming(log) ? ('bad' as const) : ('good' as const)
    return [log.origin, { text: logText(log), tone }]
  })
  return {
    json: answer,
    text: `${head}\n\n${table(cli.output, ['log', 'stands'], rows)}`,
    ...(answer.logs.some(isAlarming) ? { exit: 20 } : {}),
  }
}

async function forget(cli: Cli, folder: string, origin: string): Promise<Work> {
  const forgotten = await forgetLog(folder, origin)
  if (isRefusal(forgotten)) return forgotten
  cli.output.warn('Keep what is printed: it is the last that this witness signed of the log.')
  return { json: forgotten, text: forgotten.checkpoint }
}
