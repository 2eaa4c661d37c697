import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

/** A test that a page names: its file, and its title. */
export type Named = { readonly file: string; readonly title: string }

/** The rows of a page's tables, by their cells, with the heading that they stand under. */
export function rowsOf(page: string): { readonly heading: string; readonly cells: readonly string[] }[] {
  const rows: { heading: string; cells: string[] }[] = []
  let heading = ''
  let isHead = true
  for (const line of page.split('\n')) {
    const title = /^## (.+)$/.exec(line)?.[1]
    if (title !== undefined) heading = title
    if (!line.startsWith('|')) {
      isHead = true
      continue
    }
    // The line of titles, and the one of dashes below it, say nothing.
    if (!isHead && !/^\|[-|: ]+\|$/.test(line))
      rows.push({
        heading,
        cells: line
          .slice(1, -1)
          .split(' | ')
          .map(cell => cell.trim()),
      })
    isHead = false
  }
  return rows
}

/** The tests that a cell names: `` `tests/FILE`: TITLE ``, one after another with `<br>` between them. */
export function namedIn(cell: string): Named[] {
  return cell.split('<br>').flatMap(part => {
    const [, file, title] = /^`(tests\/[^`]+\.test\.ts)`: (.+)$/.exec(part.trim()) ?? []
    return file === undefined || title === undefined ? [] : [{ file, title }]
  })
}

/** Whether a test of that title stands in the file, or in a table that the file takes its tests from. */
export function exists({ file, title }: Named): boolean {
  const text = readFileSync(join(root, file), 'utf8')
  const tables = [...text.matchAll(/ from '(\.[^']+\.ts)'/g)].map(([, path]) =>
    normalize(join(dirname(file), path as string)),
  )
  const sources = [
    text,
    ...tables.filter(path => path.startsWith('tests/')).map(path => readFileSync(join(root, path), 'utf8')),
  ]
  return sources.some(source => ["'", '"', '`'].some(quote => source.includes(`${quote}${title}${quote}`)))
}
