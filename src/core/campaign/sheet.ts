import { fromBase64, fromHex, sameBytes, toBase64, toHex } from '../encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { exactly, list, Misfit, object, type Shape, text, then, whole, word } from '../encoding/shape.ts'
import { readSpelledJson } from '../encoding/strict-json.ts'
import { NAME } from '../fleet/identity.ts'
import { MAX_CONTROLLERS } from '../fleet/topology.ts'
import { HASH_BYTES, leafHash, verifyInclusion } from '../ledger/merkle.ts'
import { pathIn, treeLevels } from '../ledger/tree-levels.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { MAX_PLAN_RELEASES, MAX_PLAN_SITES, MAX_WAVES, type PlanHead, type SheetsRoot } from './plan.ts'

/**
 * One step of a controller: a release of the plan (index into `releases`). Within a circle, or a site that has none, no step
 * is granted before every step of a lower order is confirmed there.
 */
export type Step = { readonly release: number; readonly order: number }

/** A controller's turn: its wave (index), and the releases that it gets one after the other. More than one: stepping stones. */
export type SheetTurn = { readonly controller: string; readonly wave: number; readonly steps: readonly Step[] }

/**
 * A site's part of a plan, in order of controller. The head pins all sheets by one Merkle root, so that a gateway fetches the
 * head, its own sheet and a proof, and no other site's.
 */
export type Sheet = {
  readonly kind: 'voltseal-sheet'
  readonly v: 1
  readonly campaign: string
  readonly site: string
  readonly turns: readonly SheetTurn[]
}

/** A sheet with its place among the sheets of the plan, and the audit path from it to their root. */
export type ProvenSheet = { readonly sheet: Sheet; readonly index: number; readonly path: readonly Uint8Array[] }

export const MAX_STEPS = 8
/** More steps at a site than any order of them needs. */
const MAX_ORDER = MAX_CONTROLLERS * MAX_STEPS
/** What a site of the most controllers with the longest names needs, and the proof beside it. */
export const MAX_SHEET_BYTES = 2 * 1024 * 1024

const name = text('a name of 1 to 64 of a-z 0-9 . _ -', NAME)

const turnShape = object({
  controller: name,
  wave: whole(0, MAX_WAVES - 1),
  steps: list(object({ release: whole(0, MAX_PLAN_RELEASES - 1), order: whole(0, MAX_ORDER) }), 1, MAX_STEPS),
})

const sheetShape: Shape<Sheet> = object({
  kind: word('voltseal-sheet'),
  v: exactly(1),
  campaign: name,
  site: name,
  turns: list(turnShape, 0, MAX_CONTROLLERS),
})

const hash: Shape<Uint8Array> = then(text('a hash in base64', /^[A-Za-z0-9+/]{43}=$/), (value, at) => {
  const bytes = fromBase64(value)
  return bytes?.length === HASH_BYTES ? bytes : new Misfit(at, 'a hash in base64', 'something else')
})

const fileShape = object({
  v: exactly(1),
  sheet: sheetShape,
  index: whole(0, MAX_PLAN_SITES - 1),
  path: list(hash, 0, Math.ceil(Math.log2(MAX_PLAN_SITES))),
})

/** A sheet's bytes: canonical JSON, a leaf of the tree whose root the head names. */
export function sheetBytes(sheet: Sheet): Uint8Array {
  return canonicalJson(sheet as unknown as Json)
}

/** What a gateway fetches: the sheet, and the proof that it is one of the plan's. */
export function sheetFile({ sheet, index, path }: ProvenSheet): Uint8Array {
  return canonicalJson({ v: 1, sheet, index, path: path.map(toBase64) } as unknown as Json)
}

/** Reads a sheet that is parsed already. Refuses `sheet-malformed`. */
export function readSheet(value: unknown, subject: string): Sheet | Refusal {
  const sheet = sheetShape(value, '')
  if (!(sheet instanceof Misfit)) return sheet
  return refuse('sheet-malformed', subject, sheet.expected, `${sheet.actual} at ${sheet.at || 'the top'}`)
}

/** Reads a sheet with its proof, which nobody has judged yet. Refuses `sheet-malformed`. */
export function parseSheetFile(bytes: Uint8Array, subject: string): ProvenSheet | Refusal {
  const file = read(fileShape, bytes, subject)
  return 'refused' in file ? file : { sheet: file.sheet, index: file.index, path: file.path }
}

/**
 * Opens a site's sheet with its proof, under the head that people approved: nothing in it is believed before the proof
 * holds. Refuses `sheet-malformed`, `sheet-foreign` (of another campaign or site), `sheet-not-approved` (the proof does not
 * lead to the root that the head names).
 */
export function openSheet(
  bytes: Uint8Array,
  head: PlanHead,
  site: string,
  crypto: Crypto,
  subject = `the sheet of ${site} in ${head.id}`,
): ProvenSheet | Refusal {
  const file = parseSheetFile(bytes, subject)
  if (isRefusal(file)) return file
  const { sheet, index, path } = file
  if (sheet.campaign !== head.id || sheet.site !== site) {
    return refuse('sheet-foreign', subject, `${site} in ${head.id}`, `${sheet.site} in ${sheet.campaign}`)
  }
  const root = fromHex(head.sheets.root) as Uint8Array
  const leaf = leafHash(crypto, sheetBytes(sheet))
  if (!verifyInclusion(crypto, { index, size: head.sheets.sites, leaf, root }, path)) {
    const actual = 'a proof that does not lead there'
    return refuse('sheet-not-approved', subject, `a sheet under ${head.sheets.root}`, actual)
  }
  return checkSheet(sheet, head, subject) ?? { sheet, index, path }
}

/**
 * Whether a sheet makes sense under its head: controllers in order and each once, waves and releases that exist, orders that
 * rise. Refuses `plan-controller-twice`, `sheet-malformed`.
 */
export function checkSheet({ turns }: Sheet, head: PlanHead, subject: string): Refusal | null {
  let before = ''
  for (const [position, { controller, wave, steps }] of turns.entries()) {
    const at = `turns[${position}]`
    if (controller === before) {
      return refuse('plan-controller-twice', subject, 'one turn for each controller', `${controller} again at ${at}`)
    }
    if (controller < before) {
      return refuse('sheet-malformed', subject, 'controllers in order', `${controller} behind ${before} at ${at}`)
    }
    before = controller
    if (wave >= head.waves.length) {
      return refuse('sheet-malformed', subject, `a wave from 0 to ${head.waves.length - 1}`, `${wave} at ${at}.wave`)
    }
    let order = -1
    for (const [index, step] of steps.entries()) {
      const place = `${at}.steps[${index}]`
      if (step.release >= head.releases.length) {
        const expected = `a release from 0 to ${head.releases.length - 1}`
        return refuse('sheet-malformed', subject, expected, `${step.release} at ${place}.release`)
      }
      if (step.order <= order) {
        return refuse('sheet-malformed', subject, `an order above ${order}`, `${step.order} at ${place}.order`)
      }
      order = step.order
    }
  }
  return null
}

/** The sheets of a plan with their proofs, and what the head says of them. `sheets` in order of site. */
export function proveSheets(
  crypto: Crypto,
  sheets: readonly Sheet[],
): { readonly proven: readonly ProvenSheet[]; readonly root: SheetsRoot } {
  const levels = treeLevels(
    crypto,
    sheets.map(sheet => leafHash(crypto, sheetBytes(sheet))),
  )
  const [top] = levels.at(-1) as readonly Uint8Array[]
  const proven = sheets.map((sheet, index) => ({ sheet, index, path: pathIn(levels, index) as Uint8Array[] }))
  const controllers = sheets.reduce((sum, { turns }) => sum + turns.length, 0)
  return { proven, root: { sites: sheets.length, controllers, root: toHex(top ?? crypto.sha256(new Uint8Array(0))) } }
}

/**
 * Whether these are all the sheets that the head names, in order of site, and nothing else: what an approver's own machine
 * asks before it shows who gets what. Refuses `sheet-not-approved`, `sheet-foreign`, `plan-malformed`, and what `checkSheet`
 * refuses.
 */
export function checkSheets(head: PlanHead, sheets: readonly Sheet[], crypto: Crypto, subject: string): Refusal | null {
  const leaves = sheets.map(sheet => leafHash(crypto, sheetBytes(sheet)))
  const top = treeLevels(crypto, leaves).at(-1)?.[0] ?? null
  const { sites, root } = head.sheets
  if (sheets.length !== sites || top === null || !sameBytes(top, fromHex(root) as Uint8Array)) {
    const actual = `${sheets.length} under ${top === null ? 'nothing' : toHex(top)}`
    return refuse('sheet-not-approved', subject, `${sites} sheets under ${root}`, actual)
  }
  const waves = head.waves.map(() => 0)
  let before = ''
  for (const sheet of sheets) {
    const own = `${subject}, ${sheet.site}`
    if (sheet.campaign !== head.id) return refuse('sheet-foreign', own, head.id, sheet.campaign)
    if (sheet.site <= before) return refuse('sheet-malformed', own, 'sites in order, each once', `behind ${before}`)
    before = sheet.site
    // A site with nobody in it only takes in who comes later.
    if (sheet.turns.length === 0 && head.membership === 'fixed') {
      return refuse('sheet-malformed', own, 'at least one controller', 'none')
    }
    const fault = checkSheet(sheet, head, own)
    if (fault !== null) return fault
    for (const { wave } of sheet.turns) waves[wave] = (waves[wave] as number) + 1
  }
  const wrong = head.waves.findIndex(({ controllers }, index) => controllers !== waves[index])
  if (wrong < 0) return null
  const expected = `${head.waves[wrong]?.controllers} controllers at waves[${wrong}]`
  return refuse('plan-malformed', subject, expected, `${waves[wrong]} in the sheets`)
}

function read<T>(shape: Shape<T>, bytes: Uint8Array, subject: string): T | Refusal {
  const json = readSpelledJson(bytes, MAX_SHEET_BYTES)
  if (json instanceof JsonFault) return refuse('sheet-malformed', subject, 'a sheet in JSON', json.message)
  const value = shape(json.value, '')
  if (value instanceof Misfit) {
    return refuse('sheet-malformed', subject, value.expected, `${value.actual} at ${value.at || 'the top'}`)
  }
  if (json.canonical) return value
  return refuse('sheet-malformed', subject, 'canonical JSON', 'the same sheet in another spelling')
}
