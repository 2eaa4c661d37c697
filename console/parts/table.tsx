import type { ComponentChildren } from 'preact'
import { Scroll } from './scroll.tsx'

/** A column: what stands above it (`unseen`: for who listens alone), and what stands in it. The first one names the row. */
export type Column<T> = {
  readonly head: string
  readonly number?: true
  readonly unseen?: true
  readonly cell: (row: T, index: number) => ComponentChildren
}

type TableProps<T> = {
  /** What the table is called where it scrolls for itself. */
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string | number
}

/** A table that scrolls for itself where it is wider than the page. */
export function Table<T>({ label, columns, rows, keyOf }: TableProps<T>) {
  return (
    <Scroll label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(({ head, number, unseen }) => (
              <th key={head} scope="col" class={number && 'number'}>
                {unseen === true ? <span class="unseen">{head}</span> : head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={keyOf(row)}>
              {columns.map(({ head, number, cell }, at) =>
                at === 0 ? (
                  <th key={head} scope="row">
                    {cell(row, index)}
                  </th>
                ) : (
                  <td key={head} class={number && 'number'} data-head={head}>
                    {cell(row, index)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}
