import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { readText } from '../../../adapters/config-file.ts'
import { PlainFiles } from '../../../adapters/repository-folder.ts'
import { MAX_SHEET_BYTES } from '../../../core/campaign/sheet.ts'
import { utf8 } from '../../../core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { readDirector } from '../../../core/trust/director-target.ts'
import { readImageTarget } from '../../../core/trust/image-target.ts'
import { planPath } from '../../../core/trust/mapping.ts'
import { MAX_METADATA_BYTES, type Target } from '../../../core/trust/metadata.ts'
import {
  exportSheets,
  exportWhole,
  type RepositorySource,
  readWhole,
  type SheetWanted,
  type TrustedRepository,
  targetFile,
  type WholeRepository,
} from '../../../flows/export.ts'
import { checkClock } from '../../process/serve.ts'
import { namedFiles } from '../arguments.ts'
import type { Cli, Work } from '../cli.ts'
import { checkNames, type Session, withSession } from '../session.ts'
import { table } from '../table.ts'

type ExportOptions = { site?: string; profile?: string }
type VerifyOptions = { root: readonly { name: string; file: string }[] }

export function addRepository(program: Command, cli: Cli): void {
  const noun = new Command('repository')
    .description('repositories as plain files, for a web server, a mirror or a USB stick')
    .copyInheritedSettings(program)
  noun
    .command('export')
    .description('write the image and approval repositories, and a site’s orders, as plain files')
    .argument('<folder>', 'where to; what is there already stays, and is not fetched again')
    .option('--site <id>', 'the orders of this site too, and of the targets only those that they need')
    .option('--profile <file>', 'who you are: a profile.yaml')
    .action(
      cli.act((folder: string, options: ExportOptions) =>
        withSession(cli, options.profile, session => exportTo(cli, session, folder, options.site)),
      ),
    )
  noun
    .command('verify')
    .description('verify repositories that lie in a folder, as a site does, and the bytes of every target in it')
    .argument('<folder>', 'the folder that repository export has written')
    .requiredOption('--root <repository=file>', 'a root that you trust: image=…, approval=…, director=…', namedFiles)
    .action(cli.act((folder: string, options: VerifyOptions) => verify(cli, folder, options.root)))
  program.addCommand(noun)
}

/** Image and approval first, then the orders that speak of them (Uptane 2.1.0 §5.4.4): a site never misses a target. */
async function exportTo(cli: Cli, session: Session, folder: string, site: string | undefined): Promise<Work> {
  if (site !== undefined) {
    const odd = checkNames('site', site)
    if (odd !== null) return odd
  }
  const early = checkClock(cli.world.clock.now())
  if (early !== null) return early
  const read = async (repo: 'image' | 'approval' | 'director'): Promise<Exported | Refusal> => {
    const path = repo === 'director' ? `/v1/sites/${site}/director` : `/v1/repos/${repo}`
    const source = sourceOf(session, path)
    const root = session.root(repo)
    if (isRefusal(root)) return root
    const of = repo === 'director' ? { repo: `director/${site}`, site: site! } : { repo, site: null }
    cli.output.progress(`Reading ${of.repo}`)
    const whole = await readWhole({ ...of, root }, source, cli.world.clock.now(), cli.world.crypto)
    return isRefusal(whole) ? whole : { name: of.repo, whole, source }
  }
  // The director is read first, so that what it orders was published and approved before; it is written last.
  const director = site === undefined ? null : await read('director')
  if (isRefusal(director)) return director
  const image = await read('image')
  if (isRefusal(image)) return image
  const approval = await read('approval')
  if (isRefusal(approval)) return approval
  const needed = director === null ? null : neededBy(director.whole, image.whole)
  if (isRefusal(needed)) return needed
  const rows: [string, number, number][] = []
  for (const { name, whole, source } of director === null ? [image, approval] : [image, approval, director]) {
    const all = [...whole.targets.values()]
    if (name.startsWith('director/')) {
      const refused = await carrySheets(cli, session, folder, site!, approval.whole, needed!)
      if (refused !== null) return refused
    }
    // The director's targets are the image repository's: their bytes lie there.
    const wanted = name.startsWith('director/') ? [] : all.filter(({ path }) => needed?.paths.has(path) ?? true)
    const say = ({ path, length }: Target): void => cli.output.progress(`Fetching ${path}, ${length} bytes`)
    const written = await exportWhole(whole, wanted, source, new PlainFiles(join(folder, name)), say)
    if (isRefusal(written)) return written
    rows.push([name, whole.set.timestamp.signed.version, wanted.length])
  }
  return {
    json: { folder, repositories: rows.map(([name, timestamp, targets]) => ({ name, timestamp, targets })) },
    text: table(cli.output, ['repository', '>timestamp', '>targets'], rows),
  }
}

type Exported = { readonly name: string; readonly whole: WholeRepository; readonly source: RepositorySource }

const sourceOf = (session: Session, path: string): RepositorySource => ({
  file: (name, maxBytes) => session.fileAt(path, name, maxBytes),
  target: ({ sha256, length }) => session.blob({ sha256, length }),
})

/** What a site's orders need: the paths of envelopes, their payloads and the plans, and the campaigns whose sheets it needs. */
type Needed = { readonly paths: ReadonlySet<string>; readonly campaigns: ReadonlySet<string> }

function neededBy(director: WholeRepository, image: WholeRepository): Needed | Refusal {
  const directed = readDirector(director.set)
  if (isRefusal(directed)) return directed
  const [paths, campaigns] = [new Set<string>(), new Set<string>()]
  for (const { target, orders } of directed) {
    paths.add(target.path)
    const envelope = image.targets.get(target.path)
    const release = envelope === undefined ? null : readImageTarget(envelope)
    if (isRefusal(release)) return release
    if (release !== null) paths.add(release.payload.path)
    for (const { campaign } of orders.values()) {
      paths.add(planPath(campaign))
      campaigns.add(campaign)
    }
  }
  return { paths, campaigns }
}

/** Writes the site's sheets of the campaigns that it has orders of, before the orders; the plans are in the folder by now. */
async function carrySheets(
  cli: Cli,
  session: Session,
  folder: string,
  site: string,
  approval: WholeRepository,
  { campaigns }: Needed,
): Promise<null | Refusal> {
  const plans = new PlainFiles(join(folder, 'approval'))
  const wanted: SheetWanted[] = []
  for (const campaign of campaigns) {
    const target = approval.targets.get(planPath(campaign))
    const head = target === undefined ? null : await plans.read(targetFile(target), target.length)
    if (head === null) return refuse('assignment-not-approved', `campaign ${campaign}`, 'an approved plan', 'none')
    wanted.push({ campaign, head })
  }
  const sheet = (campaign: string) => session.fileAt(`/v1/sites/${site}/sheets`, `${campaign}.json`, MAX_SHEET_BYTES)
  return exportSheets(site, wanted, sheet, new PlainFiles(join(folder, 'sheets', site)), cli.world.crypto)
}

/** Every repository of the folder, from the roots that were given: a root of one's own for each, or none is believed. */
async function verify(cli: Cli, folder: string, given: VerifyOptions['root']): Promise<Work> {
  const now = cli.world.clock.now()
  const early = checkClock(now)
  if (early !== null) return early
  const roots = new Map<string, Uint8Array>()
  for (const { name, file } of given) {
    const text = readText(file, MAX_METADATA_BYTES.root)
    if (isRefusal(text)) return text
    roots.set(name, utf8(text))
  }
  const found = repositoriesIn(folder)
  if (found.length === 0) return refuse('file-missing', folder, 'a folder that repository export has written', 'none')
  const rows: [string, number, number, number][] = []
  for (const { repo, site } of found) {
    const kind = site === null ? repo : 'director'
    const root = roots.get(kind)
    if (root === undefined) return refuse('usage-error', 'repository verify', `--root ${kind}=FILE`, `none for ${repo}`)
    const files = new PlainFiles(join(folder, repo))
    const result = await verifyOne({ repo, site, root }, files, cli)
    if (isRefusal(result)) return result
    rows.push([repo, result.timestamp, result.targets, result.here])
  }
  return {
    json: {
      verified: true,
      folder,
      repositories: rows.map(([name, timestamp, targets, here]) => ({ name, timestamp, targets, here })),
    },
    text: table(cli.output, ['verified', '>timestamp', '>targets', '>of them here'], rows),
  }
}

async function verifyOne(
  trusted: TrustedRepository,
  files: PlainFiles,
  { world: { clock, crypto } }: Cli,
): Promise<{ timestamp: number; targets: number; here: number } | Refusal> {
  const file = (path: string, maxBytes: number) => files.read(`metadata/${path}`, maxBytes)
  const whole = await readWhole(trusted, { file }, clock.now(), crypto)
  if (isRefusal(whole)) return whole
  let here = 0
  for (const target of whole.targets.values()) {
    const path = targetFile(target)
    if (await files.hasTarget(path, target)) here += 1
    else if ((await files.read(path, Number.MAX_SAFE_INTEGER)) !== null) {
      return refuse(
        'blob-digest-mismatch',
        `${trusted.repo}: ${target.path}`,
        `SHA-256 ${target.sha256}`,
        'other bytes',
      )
    }
  }
  return { timestamp: whole.set.timestamp.signed.version, targets: whole.targets.size, here }
}

function repositoriesIn(folder: string): { repo: string; site: string | null }[] {
  const has = (repo: string): boolean => existsSync(join(folder, repo, 'metadata', 'timestamp.json'))
  const own = ['image', 'approval'].filter(has).map(repo => ({ repo, site: null }))
  const below = join(folder, 'director')
  const sites = existsSync(below) ? readdirSync(below).sort() : []
  return [
    ...own,
    ...sites.filter(site => has(join('director', site))).map(site => ({ repo: `director/${site}`, site })),
  ]
}
