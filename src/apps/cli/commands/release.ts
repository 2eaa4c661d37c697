import { Command } from 'commander'
import { readImage, readRelease, writeRelease } from '../../../adapters/release-folder.ts'
import { loadPublicKey } from '../../../adapters/signer-file.ts'
import { concat } from '../../../core/encoding/bytes.ts'
import type { ReleaseFacts, Transition } from '../../../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { createRelease, inspectRelease, mcubootPayload, RELEASE_DEFAULTS } from '../../../flows/release.ts'
import type { ReleaseView } from '../../../wire/fleet-views.ts'
import { duration, images, namedFiles, neighbours, oneOf, range, several, size, whole, words } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { adviseOnImages } from '../image-advice.ts'
import { keyIdOf } from '../key-id.ts'
import { type EvidenceOptions, evidenceJson, evidenceLines, gatherEvidence, readJudged } from '../release-evidence.ts'
import { type Session, withSession } from '../session.ts'
import { PRIVATE_KEY } from '../signing-key.ts'
import { type Cell, listing, table } from '../table.ts'
import { addWrap, type EncryptOptions, encryptionLines, encryptTo, recipientsOf } from './release-encryption.ts'
import { addFlashImage, mcubootIn, mcubootLines } from './release-mcuboot.ts'
import { patchesFrom, patchesJson, patchLines } from './release-patches.ts'
import { addReleaseShow } from './release-show.ts'

const FORMATS = ['plain', 'mcuboot'] as const
type CreateOptions = {
  image: string
  vendor: string
  class: string
  hardware: readonly string[]
  version: string
  sequence: number
  counter: number
  component: string
  also: readonly { name: string; file: string }[]
  chunk?: number
  addAnchor?: string
  retireAnchor?: string
  bootloader: { min: number; max: number }
  needs: readonly object[]
  healthWindow: number
  probe: readonly string[]
  format: 'plain' | 'mcuboot'
  mcubootKey?: string
  mcubootHeader: number
  mcubootNeeds: readonly { image: number; atLeast: string }[]
  out?: string
  patchFrom: readonly string[]
} & EvidenceOptions &
  EncryptOptions

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
    .option(
      '--also <name=file>',
      'an image that moves together with it, for another component; repeatable',
      namedFiles,
      [],
    )
    .option('--chunk <bytes>', 'how much of a download is checked at a time, a power of two', whole)
    .option('--add-anchor <file>', 'a public key whose releases the controllers accept from this one on')
    .option(
      '--retire-anchor <file>',
      'a public key whose releases they refuse from this one on; needs a higher --counter',
    )
    .option('--bootloader <range>', 'bootloader versions that can run it, such as 3-7', range, bootloader)
    .option('--needs <class@versions>', 'a neighbour it needs, such as pcs@1.2.0..2.0.0; repeatable', neighbours, [])
    .option('--health-window <time>', 'how long it must run healthy before it stays', duration, health.windowMillis)
    .option('--probe <names>', 'health probes that must pass, with commas', words, [])
    .option(
      '--format <name>',
      'plain, or mcuboot: the image is given MCUboot’s header, TLVs and signature',
      oneOf(FORMATS),
      'plain',
    )
    .option('--mcuboot-key <key>', `the ECDSA P-256 key that the boot loaders were built with ${PRIVATE_KEY}`)
    .option('--mcuboot-header <bytes>', 'the header that the image was linked behind', size, 512)
    .option(
      '--mcuboot-needs <image@version>',
      'another image of the device that it needs, such as 1@2.0.0; repeatable',
      images,
      [],
    )
    .option('--sbom <file>', 'its bill of materials: CycloneDX in JSON, 1.4 to 1.7')
    .option('--provenance <file>', 'where it comes from: an in-toto statement in a DSSE envelope, as the build made it')
    .option('--make-provenance', 'write such a statement here, for a build without one; needs --provenance-key')
    .option('--provenance-key <key>', `the private key that signs the statement ${PRIVATE_KEY}`)
    .option('--builder <uri>', 'who built it, in the statement (the key’s own name)')
    .option('--out <folder>', 'where to write it (CLASS-VERSION.release)')
    .option('--encrypt-to <file>', 'encrypt the payload to a wrapping key, the fleet’s (.pub); repeatable', several, [])
    .option(
      '--patch-from <file>',
      'an image that controllers run, or a release in the clear: a patch from it travels with the release; repeatable',
      several,
      [],
    )
    .option('--segment <bytes>', 'how much is encrypted at a time: a power of two from 1KiB to 16KiB', size)
    .action(cli.act((options: CreateOptions) => create(cli, options)))
  addFlashImage(release, cli)
  addWrap(release, cli)
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
  addReleaseShow(release, cli, factLines)
  program.addCommand(release)
}

/** The image as the controller gets it, of what the build left. */
async function imageOf(cli: Cli, image: Uint8Array, options: CreateOptions): Promise<Uint8Array | Refusal> {
  const { format, mcubootKey, mcubootHeader: headerBytes, mcubootNeeds: dependencies, version, counter } = options
  if (format === 'plain') return image
  if (mcubootKey === undefined) return refuse('usage-error', 'release create', '--mcuboot-key', 'none')
  const signer = await cli.openSigner(mcubootKey)
  if (isRefusal(signer)) return signer
  return mcubootPayload({ image, version, counter, headerBytes, dependencies }, { crypto: cli.world.crypto, signer })
}

async function create(cli: Cli, options: CreateOptions): Promise<Work> {
  const built = readImage(options.image)
  if (isRefusal(built)) return built
  const further = readFurther(options.also)
  if (isRefusal(further)) return further
  const advice = adviseOnImages(cli, 'release', [{ file: options.image, image: built }, ...further])
  const image = await imageOf(cli, built, options)
  if (isRefusal(image)) return image
  const transition = readTransition(cli, options)
  if (isRefusal(transition)) return transition
  const encrypt = encryptTo(options)
  if (isRefusal(encrypt)) return encrypt
  const patches = await patchesFrom(cli, options.patchFrom, concat(image, ...further.map(part => part.image)))
  if (isRefusal(patches)) return patches
  const release = createRelease(
    {
      image,
      further,
      patches,
      ...(options.chunk === undefined ? {} : { chunkBytes: options.chunk }),
      ...(encrypt === undefined ? {} : { encrypt }),
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
        transition,
      },
    },
    cli.world,
  )
  if (isRefusal(release)) return release.code === 'image-empty' ? { ...release, subject: options.image } : release
  const gathered = await gatherEvidence(cli, options, release)
  if (isRefusal(gathered)) return gathered
  const folder = options.out ?? `${options.class}-${release.facts.version}.release`
  const refusal = writeRelease(folder, release, gathered.files)
  if (refusal !== null) return refusal
  cli.output.progress(`Not signed yet. Next: voltseal sign ${folder} --key KEY`)
  return {
    json: {
      ...{ release: folder, signers: [], facts: release.facts, evidence: evidenceJson(gathered.evidence) },
      ...(release.patches.length === 0 ? {} : { patches: patchesJson(release.patches) }),
      ...(advice.length === 0 ? {} : { advice }),
    },
    text: listing(cli.output, [
      ['release', folder],
      ...factLines(release.facts),
      ...evidenceLines(gathered.evidence),
      ...patchLines(release.patches),
    ]),
  }
}

type Further = { readonly name: string; readonly file: string; readonly image: Uint8Array }

function readFurther(files: CreateOptions['also']): Further[] | Refusal {
  const further: Further[] = []
  for (const { name, file } of files) {
    const image = readImage(file)
    if (isRefusal(image)) return image
    further.push({ name, file, image })
  }
  return further
}

/** One change of keys to a release: which one is done first would be unsaid. */
function readTransition(cli: Cli, { addAnchor, retireAnchor }: CreateOptions): Transition | null | Refusal {
  if (addAnchor !== undefined && retireAnchor !== undefined) {
    return refuse('usage-error', 'release create', '--add-anchor or --retire-anchor', 'both')
  }
  const file = addAnchor ?? retireAnchor
  if (file === undefined) return null
  const key = loadPublicKey(file)
  if (isRefusal(key)) return key
  const kid = keyIdOf(key, file, cli.world.crypto)
  if (isRefusal(kid)) return kid
  return addAnchor === undefined ? { kind: 'retire', kid } : { kind: 'add', kid, alg: key.alg, spki: key.spki.toHex() }
}

function inspect(cli: Cli, folder: string): Work {
  const files = readRelease(folder)
  if (isRefusal(files)) return files
  const seen = inspectRelease(files, cli.world)
  if (isRefusal(seen)) return seen
  const mcuboot = seen.facts.encryption === null ? mcubootIn(files.payload, folder) : null
  if (isRefusal(mcuboot)) return mcuboot
  const evidence = readJudged(cli, folder, { facts: seen.facts, payload: files.payload })
  if (isRefusal(evidence)) return evidence
  const encryptedTo = recipientsOf(files.contentKeys, folder)
  if (isRefusal(encryptedTo)) return encryptedTo
  cli.output.warn('Not verified: this is what the release says of itself. To verify: voltseal verify')
  const claims: [string, Cell][] =
    seen.claimedSigners.length === 0
      ? [['signatures', 'none']]
      : seen.claimedSigners.map(kid => ['claims a signature by', kid])
  return {
    json: {
      verified: false,
      manifest: seen.manifestDigest,
      claimedSigners: seen.claimedSigners,
      facts: seen.facts,
      ...(encryptedTo.length === 0 ? {} : { encryptedTo }),
      ...(mcuboot === null ? {} : { mcuboot: mcuboot.facts }),
      evidence: evidenceJson(evidence),
    },
    text: listing(cli.output, [
      ['manifest', seen.manifestDigest],
      ...factLines(seen.facts),
      ...encryptedTo.map(id => ['encrypted to', id] as const),
      ...(mcuboot === null ? [] : mcubootLines(mcuboot)),
      ...evidenceLines(evidence),
      ...claims,
    ]),
  }
}

async function listPublished(cli: Cli, session: Session): Promise<Work> {
  const releases = await session.list<ReleaseView>('/v1/releases')
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
    ...facts.components.map(({ name, size }) => ['component', `${name}, ${size} bytes`] as const),
    [facts.encryption === null ? 'payload' : 'in the clear', `${facts.imageSize} bytes, SHA-256 ${facts.imageDigest}`],
    [
      'checked in',
      `${facts.chunks.digests.length} ${facts.chunks.digests.length === 1 ? 'chunk' : 'chunks'} of ${facts.chunks.bytes} bytes`,
    ],
    ['bootloader', bootloaderText(facts.bootloader)],
    ['needs', needs.length === 0 ? 'nothing' : needs.join('; ')],
    ...transitionLines(facts.transition),
    ...encryptionLines(facts),
    ['health', `${windowMillis / 1000} s${probes.length === 0 ? '' : `, probes ${probes.join(', ')}`}`],
  ]
}

function transitionLines(transition: Transition | null): (readonly [name: string, value: Cell])[] {
  if (transition === null) return []
  const { kind, kid } = transition
  return [[kind === 'add' ? 'adds the key' : 'retires the key', { text: kid, tone: 'warn' }]]
}

function bootloaderText({ min, max }: { readonly min: number; readonly max: number }): string {
  const { min: lowest, max: highest } = RELEASE_DEFAULTS.bootloader
  if (min === lowest && max === highest) return 'any version'
  return min === max ? `version ${min}` : `versions ${min} to ${max === highest ? 'any' : max}`
}
