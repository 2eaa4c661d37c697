import { Command } from 'commander'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { EVIDENCE } from '../../../core/trust/evidence/judge.ts'
import { initFleet } from '../../fleet/init.ts'
import { serveFleet } from '../../fleet/serve.ts'
import { duration, eachOf, several, whole } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { DEVELOPMENT_WARNING, PRIVATE_KEY } from '../signing-key.ts'
import { listing } from '../table.ts'

type InitOptions = {
  name: string
  host: string
  port: number
  firmwareKey: readonly string[]
  releaseKey: string
  approverKey: readonly string[]
  approvalThreshold: number
  metadataLife: number
  tick: number
  consolePort?: number
  demand: readonly ('sbom' | 'provenance')[]
  builder: readonly string[]
  provenanceKey: readonly string[]
}

export function addFleet(program: Command, cli: Cli): void {
  const fleet = new Command('fleet').description('make and run a fleet server').copyInheritedSettings(program)
  fleet
    .command('init')
    .description('make a fleet server’s folder: config, repositories, authority, your own profile')
    .argument('<folder>', 'the folder; it must not exist, or be empty')
    .requiredOption('--firmware-key <file>', 'a public key that signs firmware; repeatable', several)
    .requiredOption('--release-key <key>', `the private key that signs what is published ${PRIVATE_KEY}`)
    .requiredOption(
      '--approver-key <key>',
      `a private key of somebody who approves; repeatable ${PRIVATE_KEY}`,
      several,
    )
    .option('--approval-threshold <n>', 'how many of the approvers must sign a plan', whole, 1)
    .option('--name <name>', 'the fleet’s name: the origin of its audit log', 'fleet')
    .option('--host <address>', 'the address that it serves on', '127.0.0.1')
    .option('--port <n>', 'the port', whole, 8443)
    .option('--console-port <n>', 'serve the console, read-only and for this machine alone, on this port', whole)
    .option('--demand <kinds>', 'what a release must carry to be published: sbom, provenance', eachOf(EVIDENCE), [])
    .option('--provenance-key <file>', 'a public key that signs provenance statements; repeatable', several, [])
    .option('--builder <uri>', 'a builder whose builds are taken; repeatable; any, when none is named', several, [])
    .option('--metadata-life <time>', 'how long what it signs online stays valid', duration, 24 * 3_600_000)
    .option('--tick <time>', 'how often it looks at running campaigns', duration, 1000)
    .action(
      cli.act(async (folder: string, options: InitOptions) => {
        const made = await initFleet(folder, options, { ...cli.world, openSigner: cli.openSigner })
        if (isRefusal(made)) return made
        // Its own keys are files, whatever those of the people are.
        cli.output.warnOnce(DEVELOPMENT_WARNING)
        cli.output.progress(`Next: voltseal fleet serve ${folder}`)
        return {
          json: made,
          text: listing(cli.output, [
            ['fleet', made.name],
            ['url', made.url],
            ['folder', made.folder],
            ['profile', made.profile],
          ]),
        }
      }),
    )
  fleet
    .command('serve')
    .description('serve a fleet until it is told to stop (Ctrl-C, SIGTERM)')
    .argument('<folder>', 'the folder that fleet init made')
    .action(cli.act((folder: string) => serveFleet(folder, cli.world.clock)))
  program.addCommand(fleet)
}
