import { Command } from 'commander'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { initGateway } from '../../gateway/init.ts'
import { serveGateway } from '../../gateway/serve.ts'
import { duration, whole } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { listing } from '../table.ts'

type InitOptions = {
  site: string
  fleet: string
  host: string
  port: number
  poll: number
  maxRestarting: number
  manifestKey?: string
}

export function addGateway(program: Command, cli: Cli): void {
  const gateway = new Command('gateway').description('make and run a site’s gateway').copyInheritedSettings(program)
  gateway
    .command('init')
    .description('make a gateway’s folder: config, site description, keys, and its request to be enrolled')
    .argument('<folder>', 'the folder; it must not exist, or be empty')
    .requiredOption('--site <file>', 'the site description: a site.yaml')
    .requiredOption('--fleet <url>', 'the fleet server, such as https://127.0.0.1:8443')
    .option('--host <address>', 'the address that controllers reach it on', '127.0.0.1')
    .option('--port <n>', 'the port', whole, 8444)
    .option('--poll <time>', 'how often it asks the fleet for news', duration, 30_000)
    .option('--max-restarting <n>', 'how many controllers may restart at once', whole, 1)
    .option('--manifest-key <key>', 'an ecdsa-p256 key in a token that signs what it hands over (made here, in a file)')
    .action(
      cli.act(async (folder: string, options: InitOptions) => {
        const made = await initGateway(folder, options, cli.openSigner)
        if (isRefusal(made)) return made
        cli.output.progress(`Next: voltseal site enrol --gateway ${folder} --controllers FOLDER`)
        return {
          json: made,
          text: listing(cli.output, [
            ['site', made.site],
            ['url', made.url],
            ['folder', made.folder],
          ]),
        }
      }),
    )
  gateway
    .command('serve')
    .description('serve a site until it is told to stop (Ctrl-C, SIGTERM)')
    .argument('<folder>', 'the folder that gateway init made')
    .action(cli.act((folder: string) => serveGateway(folder, cli.world.clock)))
  program.addCommand(gateway)
}
