import { Command } from 'commander'
import { readImage, readRelease, writeRelease } from '../../../adapters/release-folder.ts'
import type { ReleaseFacts } from '../../../core/firmware/release-facts.ts'
import { isRefusal } from '../../../core/refusal/refusal.ts'
import { createRelease, inspectRelease, RELEASE_DEFAULTS } from '../../../flows/release.ts'
import type { ReleaseView } from '../../../wire/fleet-api.ts'
import { duration, neighbours, range, whole, words } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { type Session, withSession } from '../session.ts'
import { type Cell, listing, table } from '../table.ts'

type CreateOptions = {
  image: string
  vendor: string
  class: string
  hardware: readonly string[]
  version: string
  sequence: number
  counter: number
  component: string
  bootloader: { min: number; max: number }
  needs: readonly object[]
  healthWindow: number
  probe: readonly string[]
  out?: string
}

export function addRelease(program: Command, cli: Cli): void {
  const { component, counter, bootloader, health } = RELEASE_DEFAULTS
  const release = new Command('release').description('make and look at releases').copyInheritedSettings(program)
  release
    .command('create')
    .description('make an unsigned release, a folder NAME.release, from an image')
    .requiredOption('--image <file>', 'the firmware image, exactly the bytes that the controller runs')
    .requiredOption('--vendor <domain>', 'the vendor’s domain, such as voltworks.example')
    .requiredOption('--class <name>', 'the class of controller, as the site description names it')
    .requiredOption('--hardware <names>', 'hardware revisions that may run it, with commas', words)
    .requiredOption('--version <version>', 'the release’s version, such as 1.4.0')
    .requiredOption('--sequence <n>', 'the sequence number; rises with every release of the class', whole)
    .option('--counter <n>', 'the security counter: controllers never go below it again', whole, counter)
    .option('--component <name>', 'the component that the image is for', component)
    .option('--bootloader <range>', 'bootloader versions that can run it, such as 3-7', range, bootloader)
    .option('--needs <class@versions>', 'a neighbour it needs, such as pcs@1.2.0..2.0.0; repeatable', neighbours, [])
    .option('--health-window <time>', 'how long it must run healthy before it stays', duration, health.windowMillis)
    .option('--probe <names>', 'health probes that must pass, with commas', words, [])
    .option('--out <folder>', 'where to write it (CLASS-VERSION.release)')
    .action(cli.act((options: CreateOptions) => create(cli, options)))
  release
    .command('inspect')
    .description('print what a release says of itself; verifies no signature')
    .argument('<release>', 'a release folder')
    .action(cli.act((folder: string) => inspect(cli, folder)))
  release
    .command('list')
    .description('every release that the fleet has published')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act(({ profile }: { profile?: string }) => withSession(cli, profile, session => listPublished(cli, session))),
    )
  program.addCommand(release)
}

function create(cli: Cli, options: CreateOptions): Work {
  const image = readImage(options.image)
  if (isRefusal(image)) return image
  const release = createRelease(
    {
      image,
      facts: {
        vendor: options.vendor,
        class: options.class,
        hardware: options.hardware,
        version: options.version,
        sequence: options.sequence,
        counter: options.counter,
        component: options.component,
        bootloader: options.bootloader,
        dependencies: options.needs,
        health: { windowMillis: options.healthWindow, probes: options.probe },
      },
    },
    cli.world,
  )
  if (isRefusal(release)) return release.code === 'image-empty' ? { ...release, subject: options.image } : release
  const folder = options.out ?? `${options.class}-${release.facts.version}.release`
  const refusal = writeRelease(folder, release)
  if (refusal !== null) return refusal
  cli.output.progress(`Not signed yet. Next: voltseal sign ${folder} --key KEY`)
  return {
    json: { release: folder, signers: [], facts: release.facts },
    text: listing(cli.output, [['release', folder], ...factLines(release.facts)]),
  }
}

function inspect(cli: Cli, folder: string): Work {
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  const seen = inspectRelease(files, cli.world)
  if (isRefusal(seen)) return seen
  cli.output.warn('Not verified: this is what the release says of itself. To verify: voltseal verify')
  const claims: [string, Cell][] =
    seen.claimedSigners.length === 0
      ? [['signatures', 'none']]
      : seen.claimedSigners.map(kid => ['claims a signature by', kid])
  return {
    json: { verified: false, manifest: seen.manifestDigest, claimedSigners: seen.claimedSigners, facts: seen.facts },
    text: listing(cli.output, [['manifest', seen.manifestDigest], ...factLines(seen.facts), ...claims]),
  }
}

async function listPublished(cli: Cli, session: Session): Promise<Work> {
  const releases = await session.get<ReleaseView[]>('/v1/releases')
  if (isRefusal(releases)) return releases
  const rows = releases.map(one => [one.path, one.version, one.sequence, one.counter, one.hardware.join(', ')])
  const headings = ['release', 'version', '>sequence', '>counter', 'hardware']
  return { json: releases, text: table(cli.output, headings, rows) }
}

/** A release's facts, one to a line. */
export function factLines(facts: ReleaseFacts): (readonly [name: string, value: Cell])[] {
  const needs = facts.dependencies.map(({ class: name, min, below }) =>
    below === undefined ? `${name} ${min} or newer` : `${name} ${min} or newer, below ${below}`,
  )
  const { windowMillis, probes } = facts.health
  return [
    ['vendor', facts.vendor],
    ['class', facts.class],
    ['hardware', facts.hardware.join(', ')],
    ['version', facts.version],
    ['sequence', String(facts.sequence)],
    ['security counter', String(facts.counter)],
    ['component', facts.component],
    ['image', `${facts.imageSize} bytes, SHA-256 ${facts.imageDigest}`],
    ['bootloader', bootloaderText(facts.bootloader)],
    ['needs', needs.length === 0 ? 'nothing' : needs.join('; ')],
    ['health', `${windowMillis / 1000} s${probes.length === 0 ? '' : `, probes ${probes.join(', ')}`}`],
  ]
}

function bootloaderText({ min, max }: { readonly min: number; readonly max: number }): string {
  const { min: lowest, max: highest } = RELEASE_DEFAULTS.bootloader
  if (min === lowest && max === highest) return 'any version'
  return min === max ? `version ${min}` : `versions ${min} to ${max === highest ? 'any' : max}`
}
