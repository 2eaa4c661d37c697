import { useRef } from 'preact/hooks'
import { entryKinds } from '../../../src/core/ledger/entry-kinds.ts'
import { FILTERS, type FilterName } from '../../picture/entry-pages.ts'
import { useKey } from '../../shell/keys.ts'
import type { ScreenProps } from '../../shell/screen.ts'

const TEXTS: readonly { readonly name: FilterName; readonly word: string; readonly hint: string }[] = [
  { name: 'site', word: 'Site', hint: 'quay' },
  { name: 'controller', word: 'Controller', hint: 'bms-1' },
  { name: 'campaign', word: 'Campaign', hint: 'winter' },
  { name: 'code', word: 'Code', hint: 'report-replayed' },
  { name: 'actor', word: 'Who', hint: 'a name, a device, a pseudonym' },
]

/** What is looked for. It is the query of the address: a link shows what its sender saw. */
export function SearchForm({ query, setQuery }: Pick<ScreenProps, 'query' | 'setQuery'>) {
  const first = useRef<HTMLInputElement>(null)
  useKey('/', 'search the log', () => first.current?.focus())
  const value = (name: FilterName): string => query.get(name) ?? ''
  const take = (event: SubmitEvent): void => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const change = FILTERS.map(name => [name, String(form.get(name) ?? '').trim() || null] as const)
    setQuery({ ...Object.fromEntries(change), entry: null })
  }
  const none = Object.fromEntries(FILTERS.map(name => [name, null]))
  const some = FILTERS.some(name => value(name) !== '')
  return (
    <search>
      <form key={query.toString()} class="audit-form" onSubmit={take}>
        {TEXTS.map(({ name, word, hint }, at) => (
          <label key={name}>
            <span class="audit-label">{word}</span>
            <input
              ref={at === 0 ? first : null}
              name={name}
              type="search"
              defaultValue={value(name)}
              placeholder={hint}
              maxLength={160}
              autocomplete="off"
              spellcheck={false}
            />
          </label>
        ))}
        <label>
          <span class="audit-label">Kind</span>
          <select name="kind">
            <option value="">any</option>
            {Object.keys(entryKinds)
              .sort()
              .map(kind => (
                <option key={kind} value={kind} selected={kind === value('kind')}>
                  {kind}
                </option>
              ))}
          </select>
        </label>
        <label>
          <span class="audit-label">From (UTC)</span>
          <input name="since" type="date" defaultValue={value('since')} />
        </label>
        <label>
          <span class="audit-label">Up to (UTC)</span>
          <input name="until" type="date" defaultValue={value('until')} />
        </label>
        <div class="audit-buttons">
          <button type="submit" class="primary">
            Search
          </button>
          {some && (
            <button type="button" onClick={() => setQuery({ ...none, entry: null })}>
              All entries
            </button>
          )}
        </div>
      </form>
    </search>
  )
}
