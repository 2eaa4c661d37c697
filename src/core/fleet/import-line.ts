import { Misfit, line as oneLine, type Shape, text } from '../encoding/shape.ts'
import type { Instant } from '../encoding/units.ts'
import { parseVersion } from '../firmware/version.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { NAME } from './identity.ts'
import type { ImportedRow } from './inventory-row.ts'

/** The columns of a list of controllers, and what each holds. The first five must be there; the order is free. */
export const IMPORT_COLUMNS = {
  site: 'the name of the site',
  region: 'the region of the site: the same on all of its lines',
  controller: 'the id of the controller, once for each site',
  class: 'its class',
  hardware: 'its hardware revision',
  version: 'the version that it is said to run; empty: not known',
  cabinet: 'where a technician finds it',
  rack: 'where a technician finds it',
  labels: 'labels, with spaces between them',
} as const satisfies Readonly<Record<string, string>>

export type ImportColumn = keyof typeof IMPORT_COLUMNS
const REQUIRED: readonly ImportColumn[] = ['site', 'region', 'controller', 'class', 'hardware']

/** The column of each field of a line. */
export type ImportHeader = readonly ImportColumn[]

/** Labels of one controller at most: as many as a site file may give it. */
const MAX_LABELS = 32

/** Reads the first line of a list. Refuses `import-header-malformed`: an unknown column, one twice, one of the five missing. */
export function readImportHeader(fields: readonly string[]): ImportHeader | Refusal {
  const bad = (expected: string, actual: string): Refusal =>
    refuse('import-header-malformed', 'line 1', expected, actual, 'RFC 4180 §2.3')
  const header: ImportColumn[] = []
  for (const field of fields) {
    const name = field.trim().toLowerCase()
    if (!Object.hasOwn(IMPORT_COLUMNS, name)) {
      return bad(`columns of ${Object.keys(IMPORT_COLUMNS).join(', ')}`, JSON.stringify(field.slice(0, 40)))
    }
    if (header.includes(name as ImportColumn)) return bad('each column once', `${name} twice`)
    header.push(name as ImportColumn)
  }
  const missing = REQUIRED.find(name => !header.includes(name))
  return missing === undefined ? header : bad(`the columns ${REQUIRED.join(', ')}`, `no ${missing}`)
}

const name = text('a name of 1 to 64 of a-z 0-9 . _ -', NAME)
const place = oneLine(64)

/**
 * Reads a line of a list: what it claims of one controller, as of `now`. Refuses `import-line-malformed` with the number of the
 * line and the column.
 */
export function readImportLine(
  header: ImportHeader,
  fields: readonly string[],
  number: number,
  now: Instant,
): ImportedRow | Refusal {
  const bad = (at: string, expected: string, actual: string): Refusal =>
    refuse('import-line-malformed', `line ${number}`, `${expected} in ${at}`, actual)
  if (fields.length !== header.length) {
    return refuse('import-line-malformed', `line ${number}`, `${header.length} fields`, `${fields.length}`)
  }
  const values = new Map(header.map((column, at) => [column, (fields[at] as string).trim()]))
  const read = <T>(column: ImportColumn, shape: Shape<T>): T | Refusal => {
    const found = shape(values.get(column) ?? '', column)
    return found instanceof Misfit ? bad(column, found.expected, found.actual) : found
  }
  const optional = <T>(column: ImportColumn, shape: Shape<T>): T | null | Refusal =>
    (values.get(column) ?? '') === '' ? null : read(column, shape)
  const [site, region, id] = [read('site', name), read('region', name), read('controller', name)]
  const [of, hardware] = [read('class', name), read('hardware', name)]
  const [cabinet, rack] = [optional('cabinet', place), optional('rack', place)]
  for (const one of [site, region, id, of, hardware, cabinet, rack]) if (isRefusal(one)) return one
  const labels = (values.get('labels') ?? '').split(/\s+/).filter(Boolean)
  const odd = labels.find(label => !NAME.test(label))
  if (odd !== undefined) return bad('labels', 'names of a-z 0-9 . _ -', JSON.stringify(odd.slice(0, 40)))
  if (labels.length > MAX_LABELS) return bad('labels', `at most ${MAX_LABELS} labels`, `${labels.length}`)
  const said = values.get('version') ?? ''
  const version = said === '' ? null : parseVersion(said, `line ${number}`)
  if (isRefusal(version)) return bad('version', version.expected, version.actual)
  const claim = version === null ? null : { version, at: now }
  return {
    site,
    region,
    id,
    class: of,
    hardware,
    cabinet,
    rack,
    labels: [...new Set(labels)].sort(),
    claim,
  } as ImportedRow
}
