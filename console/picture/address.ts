/** A path of the console that a route knows, with the names that stand in it. */
export type Found<R> = { readonly route: R; readonly params: Readonly<Record<string, string>> }

/** The first route whose path fits; null: there is no such address. A name is as it was written: percent signs are read. */
export function findRoute<R extends { readonly path: string }>(
  routes: readonly R[],
  pathname: string,
): Found<R> | null {
  for (const route of routes) {
    const params = paramsOf(route.path, pathname)
    if (params !== null) return { route, params }
  }
  return null
}

function paramsOf(pattern: string, pathname: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = pathname.split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [at, part] of wanted.entries()) {
    const value = given[at] as string
    const name = /^\{(\w+)\}$/.exec(part)?.[1]
    if (name === undefined && part === value) continue
    const read = name === undefined ? null : decoded(value)
    if (name === undefined || read === null || read === '') return null
    params[name] = read
  }
  return params
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}

/** A query with some members changed; null takes one away. Empty text is taken away too: it says nothing. */
export function changedQuery(query: URLSearchParams, change: Readonly<Record<string, string | null>>): URLSearchParams {
  const next = new URLSearchParams(query)
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === '') next.delete(name)
    else next.set(name, value)
  }
  return next
}

/**
 * The way back behind a sign-in: an address of this console, or its first screen. Only a path counts: `//elsewhere` and
 * `/\elsewhere` are addresses of other hosts to a browser, and a sign-in that leads there lends them its trust.
 */
export function wayBack(wanted: string | null): string {
  if (wanted === null || !/^\/(?![/\\])[\x21-\x7e]*$/.test(wanted) || wanted.includes('\\')) return '/'
  return wanted.startsWith('/sign-in') || wanted.startsWith('/v1/') || wanted.startsWith('/log/') ? '/' : wanted
}
