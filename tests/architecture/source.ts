/** Reads TypeScript source just far enough to see its imports and the words of its code. No parser: fixed, small rules. */

/** An import as it is written: the module it names. */
export type Source = {
  /** The code with comments, strings, templates' text and regular expressions taken out. */
  readonly code: string
  /** Module specifiers of imports, re-exports and dynamic imports, in order. */
  readonly imports: readonly string[]
}

const REGEX_MAY_FOLLOW = /(?:^|[([{,;:=!&|?+\-*%>~^]|\b(?:return|typeof|case|in|of|void|yield|await))$/

export function readSource(text: string): Source {
  const { code, strings } = takeApart(text)
  const imports: string[] = []
  // A string's place in the code is its number between two marks.
  for (const match of code.matchAll(/\b(?:from|import)\s*\(?\s*§(\d+)§/g)) imports.push(strings[Number(match[1])] ?? '')
  return { code, imports }
}

/** Splits source into code and strings. A template's expressions stay in the code. */
function takeApart(text: string): { code: string; strings: string[] } {
  const strings: string[] = []
  let code = ''
  let at = 0
  /** For each open template: how many braces its expression has open. */
  const templates: number[] = []
  const until = (pattern: RegExp): number => {
    pattern.lastIndex = at
    return pattern.exec(text) === null ? text.length : pattern.lastIndex
  }
  const template = (): void => {
    at = until(/(?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{)/y)
    if (text[at - 1] === '{') templates.push(0)
  }
  while (at < text.length) {
    const here = text[at] as string
    const two = text.slice(at, at + 2)
    if (two === '//') at = until(/[^\n]*/y)
    else if (two === '/*') at = until(/\/\*[\s\S]*?\*\//y)
    else if (here === "'" || here === '"') {
      const end = until(here === "'" ? /'(?:\\[\s\S]|[^'\\])*'/y : /"(?:\\[\s\S]|[^"\\])*"/y)
      strings.push(text.slice(at + 1, end - 1))
      code += `§${strings.length - 1}§`
      at = end
    } else if (here === '`') {
      at += 1
      template()
    } else if (here === '/' && REGEX_MAY_FOLLOW.test(code.trimEnd())) {
      at = until(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y)
      code += '§§'
    } else {
      const open = templates.length - 1
      at += 1
      if (open >= 0 && here === '{') templates[open]! += 1
      if (open >= 0 && here === '}') {
        if (templates[open] === 0) {
          templates.pop()
          template()
          continue
        }
        templates[open]! -= 1
      }
      code += here
    }
  }
  return { code, strings }
}
