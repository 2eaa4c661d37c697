import { createRequire } from 'node:module'

/** As much of PDFKit as reports are drawn with. The package brings no types. */
export type Pdf = {
  readonly page: { readonly width: number; readonly height: number }
  registerFont(name: string, source: Uint8Array): Pdf
  font(name: string): Pdf
  fontSize(size: number): Pdf
  fillColor(colour: string): Pdf
  strokeColor(colour: string): Pdf
  lineWidth(width: number): Pdf
  widthOfString(text: string): number
  text(text: string, x: number, y: number, options: { lineBreak: false }): Pdf
  rect(x: number, y: number, width: number, height: number): Pdf
  moveTo(x: number, y: number): Pdf
  lineTo(x: number, y: number): Pdf
  fill(colour: string): Pdf
  stroke(): Pdf
  addPage(): Pdf
  bufferedPageRange(): { readonly start: number; readonly count: number }
  switchToPage(page: number): Pdf
  on(event: 'data', take: (piece: Uint8Array) => void): Pdf
  on(event: 'end', take: () => void): Pdf
  on(event: 'error', take: (error: Error) => void): Pdf
  end(): void
}

type Options = {
  readonly size: 'A4'
  readonly margin: number
  readonly bufferPages: true
  readonly autoFirstPage: true
  readonly pdfVersion: '1.7'
  readonly subset: 'PDF/A-2b'
  readonly lang: string
  readonly displayTitle: true
  readonly font: null
  readonly info: Readonly<Record<string, string | Date>>
}

/** A new document. The package is loaded when the first report is made: most commands make none. */
export function newPdf(options: Options): Pdf {
  const Document = createRequire(import.meta.url)('pdfkit') as new (options: Options) => Pdf
  return new Document(options)
}
