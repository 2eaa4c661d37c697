import { fromUtf8 } from '../core/encoding/bytes.ts'
import { canonicalJson, JsonFault } from '../core/encoding/canonical-json.ts'
import { line, list, Misfit, object } from '../core/encoding/shape.ts'
import { readJson } from '../core/encoding/strict-json.ts'
import { digest, MAX_PATCHES } from '../core/trust/image-target.ts'
import type { Assignment } from '../core/trust/mapping.ts'
import type { RepoFile, SiteWorld } from './ports.ts'

/**
 * Which patches cannot be used for the work that a controller has, by its name: what was found out by a download is not found out again when the
 * gateway starts anew. A row holds for one assignment, and names at most the patches that are offered for that: it is forgotten with the
 * assignment, and a patch with the offer.
 */
const REFUSED = 'patches-refused'

/** The patches of the release, and the director's. */
const MOST = MAX_PATCHES + 1
const MAX_BYTES = 16 * 1024

type Work = Pick<Assignment, 'id' | 'controller'>

const kept = object({ assignment: line(1024), refused: list(digest, 1, MOST) })

/** What a row says; one that is damaged says nothing, and its patches are offered once more. */
function read(bytes: Uint8Array | undefined): { readonly assignment: string; readonly refused: readonly string[] } {
  const json = bytes === undefined || fromUtf8(bytes) === null ? null : readJson(bytes, MAX_BYTES)
  const said = json === null || json instanceof JsonFault ? null : kept(json, REFUSED)
  return said === null || said instanceof Misfit ? { assignment: '', refused: [] } : said
}

/** The patches that were refused for an assignment, by SHA-256 in lower-case hex. */
export async function patchesRefused({ store }: SiteWorld, { id, controller }: Work): Promise<ReadonlySet<string>> {
  const { assignment, refused } = read((await store.files(REFUSED)).get(controller))
  return new Set(assignment === id ? refused : [])
}

/**
 * The row of a controller with one patch more: to be committed together with the entry that says so, or the log would tell of it twice, or
 * never.
 */
export async function alsoRefused(world: SiteWorld, work: Assignment, sha256: string): Promise<RepoFile> {
  const before = await patchesRefused(world, work)
  const { patches = [] } = work.release
  const ordered = work.patch === undefined || 'coming' in work.patch ? [] : [work.patch]
  const offered = new Set([...patches, ...ordered].map(one => one.sha256))
  const refused = [...[...before].filter(one => offered.has(one) && one !== sha256), sha256]
  return { repo: REFUSED, path: work.controller, bytes: canonicalJson({ assignment: work.id, refused }) }
}

/** The rows of assignments that are not among those of a site any more. */
export async function refusedBefore(
  { store }: SiteWorld,
  now: readonly Work[],
): Promise<readonly Pick<RepoFile, 'repo' | 'path'>[]> {
  const ids = new Map(now.map(({ id, controller }) => [controller, id]))
  const rows = [...(await store.files(REFUSED))]
  return rows
    .filter(([controller, bytes]) => ids.get(controller) !== read(bytes).assignment)
    .map(([path]) => ({ repo: REFUSED, path }))
}
