import { Command } from 'commander'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { AREAS } from '../../agent/board-file.ts'
import { runBootStage } from '../../agent/boot-stage.ts'
import { askAgent } from '../../agent/client.ts'
import { printing } from '../../agent/events.ts'
import { agentFiles } from '../../agent/files.ts'
import { type AgentSetup, initAgent } from '../../agent/init.ts'
import { requestAnew } from '../../agent/request.ts'
import { type AgentStatus, statusLines } from '../agent-text.ts'
import { several, size } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { listing } from '../table.ts'
import { type StageOptions, stageRelease } from './agent-stage.ts'

type InitOptions = Omit<AgentSetup, 'anchors' | 'devices'> & {
  readonly anchor: readonly string[]
  readonly device?: readonly string[]
}

const KEYS_IN_A_FILE =
  'DEVELOPMENT KEYS: keys and counter of this board are in a file, and whoever can write it can turn the counter back.'

export function addAgent(program: Command, cli: Cli): void {
  const agent = new Command('agent')
    .description('make and run the agent of a Linux controller, and update it on the spot')
    .copyInheritedSettings(program)
  addInit(agent, cli)
  agent
    .command('request')
    .description(
      'write the board’s request to be enrolled anew; gives an older board its decryption key; while the agent is stopped',
    )
    .argument('<folder>', 'the folder that agent init made')
    .action(cli.act((folder: string) => request(cli, folder)))
  agent
    .command('run')
    .description('run the controller until it is told to stop (Ctrl-C, SIGTERM): one line of JSON for each event')
    .argument('<folder>', 'the folder that agent init made')
    .action(cli.act((folder: string) => runAgent(cli, folder)))
  agent
    .command('status')
    .description('what runs, and what is staged')
    .argument('<folder>', 'the folder of the agent that runs')
    .action(cli.act((folder: string) => status(cli, folder)))
  agent
    .command('stage')
    .description('hand a release to the agent, without a network: verified and staged, not restarted')
    .argument('<folder>', 'the folder of the agent that runs')
    .argument('<release>', 'the release folder; without its payload, one of its patches is taken')
    .option('--patch <file>', 'a patch from what runs to the release, in place of its images')
    .option('--wrap <file>', 'the content key of an encrypted release, wrapped for this controller: release wrap')
    .action(
      cli.act((folder: string, path: string, options: StageOptions) =>
        show(cli, stageRelease(cli, folder, path, options)),
      ),
    )
  agent
    .command('arm')
    .description('restart into what is staged, and watch it')
    .argument('<folder>', 'the folder of the agent that runs')
    .action(cli.act((folder: string) => show(cli, askAgent(folder, { do: 'arm' }))))
  agent
    .command('withdraw')
    .description('give up what is staged, before it was tried')
    .argument('<folder>', 'the folder of the agent that runs')
    .action(cli.act((folder: string) => show(cli, askAgent(folder, { do: 'withdraw' }))))
  program.addCommand(agent)
}

function addInit(agent: Command, cli: Cli): void {
  agent
    .command('init')
    .description('make a board: its flash, its keys, its first images, and its request to be enrolled')
    .argument('<folder>', 'the folder; it must not exist, or be empty')
    .requiredOption('--id <name>', 'the controller, as the site description names it')
    .requiredOption('--site <name>', 'its site')
    .requiredOption('--vendor <name>', 'whose firmware it runs: a DNS name')
    .requiredOption('--class <name>', 'its class')
    .requiredOption('--hardware <name>', 'its hardware revision')
    .requiredOption('--anchor <file>', 'a public key whose firmware it accepts (may be repeated)', several)
    .requiredOption('--golden <release>', 'the release folder of the recovery image')
    .requiredOption('--factory <release>', 'the release folder that it starts with')
    .option('--slot <bytes>', 'the room for an image', size, 32 << 20)
    .option('--second-stage <bytes>', 'the room for the agent itself, to update it through the slots too', size, 0)
    .option('--require-encryption', 'it takes encrypted releases only, for ever')
    .option('--sector <bytes>', 'the erase sector', size, 4096)
    .option('--device <area=path>', `a block device for an area: ${AREAS.join(', ')} (may be repeated)`, several)
    .action(cli.act((folder: string, options: InitOptions) => init(cli, folder, options)))
}

async function init(cli: Cli, folder: string, options: InitOptions): Promise<Work> {
  const devices = devicesOf(options.device ?? [])
  if (isRefusal(devices)) return devices
  const made = await initAgent(folder, { ...options, anchors: options.anchor, devices }, cli.world.clock)
  if (isRefusal(made)) return made
  cli.output.warn(KEYS_IN_A_FILE)
  cli.output.progress(
    `Next: put probes and account into ${folder}/agent.yaml, then: voltseal agent run ${folder}\n` +
      `To take it into a fleet: voltseal site enrol with ${folder}/enrolment.json, and bring issued.json back here.`,
  )
  return {
    json: { folder, id: made.id },
    text: listing(cli.output, [
      ['controller', `${options.site}/${made.id}`],
      ['folder', folder],
    ]),
  }
}

function devicesOf(texts: readonly string[]): AgentSetup['devices'] | Refusal {
  const devices: Record<string, string> = {}
  for (const text of texts) {
    const [area = '', path = ''] = text.split(/=(.*)/s)
    if (!AREAS.some(name => name === area) || !path.startsWith('/')) {
      return refuse('usage-error', '--device', `AREA=/dev/NAME, one of ${AREAS.join(', ')}`, text)
    }
    devices[area] = path
  }
  return devices
}

async function request(cli: Cli, folder: string): Promise<Work> {
  const asked = await requestAnew(folder)
  if (isRefusal(asked)) return asked
  const { id, decryption } = asked
  return {
    json: { folder, id, decryptionKey: decryption?.key ?? null },
    text: listing(cli.output, [
      ['controller', id],
      ['request', agentFiles(folder).enrolment],
    ]),
  }
}

async function runAgent(cli: Cli, folder: string): Promise<Work> {
  cli.output.warn(KEYS_IN_A_FILE)
  const { clock, onStop, stdout } = cli.world
  const note = printing(
    line => stdout.write(line),
    () => clock.now(),
  )
  return runBootStage(folder, { clock, note, stop: onStop(), random: Math.random })
}

async function status(cli: Cli, folder: string): Promise<Work> {
  const answer = await askAgent(folder, { do: 'status' })
  if (isRefusal(answer)) return answer
  return { json: answer, text: listing(cli.output, statusLines(answer as AgentStatus)) }
}

async function show(cli: Cli, asked: Promise<object | Refusal>): Promise<Work> {
  const answer = await asked
  if (isRefusal(answer)) return answer
  const rows = Object.entries(answer).map(([name, value]) => [name, String(value)] as const)
  return { json: answer, text: listing(cli.output, rows) }
}
