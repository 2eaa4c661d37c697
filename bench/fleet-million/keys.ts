import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A P-256 key that signs for everybody of the drawn fleet: what it costs to verify is the same for each. */
export class SharedKey {
  readonly spki: Uint8Array
  readonly #secret: KeyObject

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
    this.#secret = privateKey
  }

  sign(message: Uint8Array): Uint8Array {
    return new Uint8Array(sign('sha256', message, this.#secret))
  }
}
