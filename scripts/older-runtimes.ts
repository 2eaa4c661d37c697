/**
 * What older runtimes lack of what the verifier of an evidence pack uses: hex and base64 of bytes (ECMAScript 2026, Uint8Array.fromHex and
 * the like). An auditor's machine has the Node.js or the browser that it has. The build puts the text of this function before the
 * bundle: so it uses nothing from outside, and does nothing where the runtime has its own.
 *
 * Base64 is read more leniently than by the runtime's own. Whoever reads here demands that what was read is written the same again.
 */
export function supplyBytes(): void {
  type Options = { readonly alphabet?: string; readonly omitPadding?: boolean }
  const supply = (to: object, name: string, value: unknown): void => {
    if (!(name in to)) Object.defineProperty(to, name, { value, writable: true, configurable: true })
  }
  supply(Uint8Array, 'fromHex', (text: string): Uint8Array => {
    if (!/^(?:[0-9A-Fa-f]{2})*$/.test(text)) throw new SyntaxError('not hex')
    return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(at * 2, at * 2 + 2), 16))
  })
  supply(Uint8Array, 'fromBase64', (text: string, { alphabet }: Options = {}): Uint8Array => {
    const plain = alphabet === 'base64url' ? text.replaceAll('-', '+').replaceAll('_', '/') : text
    return Uint8Array.from(atob(plain), letter => letter.charCodeAt(0))
  })
  supply(Uint8Array.prototype, 'toHex', function (this: Uint8Array): string {
    return Array.from(this, byte => byte.toString(16).padStart(2, '0')).join('')
  })
  supply(Uint8Array.prototype, 'toBase64', function (this: Uint8Array, options: Options = {}): string {
    const plain = btoa(Array.from(this, byte => String.fromCharCode(byte)).join(''))
    const padded = options.alphabet === 'base64url' ? plain.replaceAll('+', '-').replaceAll('/', '_') : plain
    return options.omitPadding === true ? padded.replaceAll('=', '') : padded
  })
}
