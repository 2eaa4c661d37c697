/**
 * Reads CSV (RFC 4180) piece by piece, in memory that does not grow with the file. Fields are separated by commas, records end
 * with CRLF (LF alone is taken too: most tools write it), a field may stand in double quotes, and a double quote inside is
 * doubled. Stricter than most readers, so that a shifted column is a fault and not data: a quote in the middle of a plain
 * field, text behind a closing quote, a lone CR, and quotes that are not closed on their line: a field has no line breaks.
 */

/** A record, or what is wrong with the one that begins at this line. Lines count from 1, as an editor shows them. */
export type CsvRecord =
  | { readonly line: number; readonly fields: readonly string[] }
  | { readonly line: number; readonly fault: string }

export type CsvLimits = { readonly fields: number; readonly fieldLength: number }

const AT = { START: 0, PLAIN: 1, QUOTED: 2, QUOTE: 3, RETURN: 4, SKIP: 5 } as const
type State = (typeof AT)[keyof typeof AT]

/** A reader of one file. Feed it text with `push`, then call `end`; each answers the records that became whole. */
export class CsvReader {
  readonly #limits: CsvLimits
  #state: State = AT.START
  #field = ''
  #fields: string[] = []
  #line = 1
  #began = 1
  #fault: string | null = null
  #first = true

  constructor(limits: CsvLimits = { fields: 64, fieldLength: 4096 }) {
    this.#limits = limits
  }

  push(text: string): CsvRecord[] {
    const records: CsvRecord[] = []
    // A byte order mark before the first record is a spreadsheet's habit, and no data.
    const begin = this.#first && text.startsWith('\ufeff') ? 1 : 0
    if (text.length > 0) this.#first = false
    for (let at = begin; at < text.length; at += 1) this.#take(text[at] as string, records)
    return records
  }

  /** The last record, when the file does not end with a line break. */
  end(): CsvRecord[] {
    const records: CsvRecord[] = []
    if (this.#state === AT.QUOTED) this.#fail('quotes that nothing closes on their line')
    if (this.#state === AT.RETURN) this.#fail('a carriage return without a line feed')
    const empty = this.#state === AT.START && this.#fields.length === 0 && this.#fault === null
    if (!empty) this.#close(records)
    return records
  }

  #take(char: string, records: CsvRecord[]): void {
    switch (this.#state) {
      case AT.SKIP:
        // A faulty record ends with its line: what quotes it holds can no longer be trusted.
        if (char === '\n') this.#newLine(records)
        break
      case AT.QUOTED:
        if (char === '"') this.#state = AT.QUOTE
        else if (char === '\n') {
          // Were the field to go on, one quote too many would swallow the records behind it, and nobody be told of them.
          this.#fail('quotes that nothing closes on their line')
          this.#newLine(records)
        } else this.#append(char)
        break
      case AT.RETURN:
        if (char === '\n') this.#newLine(records)
        else this.#skip('a carriage return without a line feed')
        break
      default:
        this.#takeOutside(char, records)
    }
  }

  /** At the start of a field, inside a plain one, or behind a quote inside quotes. */
  #takeOutside(char: string, records: CsvRecord[]): void {
    if (char === ',') this.#comma()
    else if (char === '\n') this.#newLine(records)
    else if (char === '\r') this.#state = AT.RETURN
    else if (char === '"' && this.#state === AT.START) this.#state = AT.QUOTED
    else if (char === '"' && this.#state === AT.QUOTE) {
      this.#state = AT.QUOTED
      this.#append('"')
    } else if (char === '"') this.#skip('a double quote inside a field that is not quoted')
    else if (this.#state === AT.QUOTE) this.#skip('text behind a closing quote')
    else {
      this.#state = AT.PLAIN
      this.#append(char)
    }
  }

  #append(char: string): void {
    if (this.#field.length < this.#limits.fieldLength) this.#field += char
    else this.#skip(`a field of more than ${this.#limits.fieldLength} characters`)
  }

  #comma(): void {
    this.#fields.push(this.#field)
    this.#field = ''
    this.#state = AT.START
    if (this.#fields.length >= this.#limits.fields) this.#skip(`more than ${this.#limits.fields} fields`)
  }

  #newLine(records: CsvRecord[]): void {
    this.#close(records)
    this.#line += 1
    this.#began = this.#line
  }

  #close(records: CsvRecord[]): void {
    const { line, fault } = { line: this.#began, fault: this.#fault }
    const fields = [...this.#fields, this.#field]
    this.#state = AT.START
    this.#field = ''
    this.#fields = []
    this.#fault = null
    if (fault !== null) records.push({ line, fault })
    // An empty line is nobody's record.
    else if (fields.length > 1 || fields[0] !== '') records.push({ line, fields })
  }

  #fail(fault: string): void {
    this.#fault ??= fault
  }

  #skip(fault: string): void {
    this.#fail(fault)
    this.#state = AT.SKIP
  }
}

/** A field as it is written: in quotes when it must be. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A value as a field. A text that a spreadsheet would reckon with is made a text by a quote before it: it may be somebody else's. */
export function csvCell(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  return csvField(/^[=+\-@\t\r]/.test(value) ? `'${value}` : value)
}
