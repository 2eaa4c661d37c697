import { join } from 'node:path'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { writeRelease } from '../../src/adapters/release-folder.ts'
import { generateKeyFile } from '../../src/adapters/signer-file.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import type { EncryptTo } from '../../src/flows/encrypt.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { createRelease, type Release, type ReleasePatch } from '../../src/flows/release.ts'
import { signEnvelope } from '../../src/flows/sign.ts'

export const VENDOR = 'voltworks.example'
export const CLASS = 'bms'
export const HARDWARE = 'r1'

export type Wanted = {
  readonly version: string
  readonly sequence: number
  readonly counter?: number
  readonly windowMillis?: number
  readonly probes?: readonly string[]
  readonly image: string | Uint8Array
  readonly further?: readonly { readonly name: string; readonly image: Uint8Array }[]
  readonly signer?: Signer
  readonly encrypt?: EncryptTo
  readonly patches?: readonly ReleasePatch[]
}

/** A maker of releases for agents: one key, each release a folder as `voltseal release create` writes it. */
export class Maker {
  readonly keyFile: string
  readonly #folder: string
  readonly #signer: Signer

  constructor(folder: string) {
    this.#folder = folder
    this.keyFile = join(folder, 'release-key')
    this.#signer = orThrow(generateKeyFile(this.keyFile, 'ecdsa-p256'))
  }

  async release(wanted: Wanted): Promise<Release & { readonly folder: string }> {
    const made = orThrow(
      createRelease(
        {
          image: typeof wanted.image === 'string' ? new TextEncoder().encode(wanted.image) : wanted.image,
          ...(wanted.further === undefined ? {} : { further: wanted.further }),
          ...(wanted.encrypt === undefined ? {} : { encrypt: wanted.encrypt }),
          ...(wanted.patches === undefined ? {} : { patches: wanted.patches }),
          facts: {
            vendor: VENDOR,
            class: CLASS,
            hardware: [HARDWARE],
            version: wanted.version,
            sequence: wanted.sequence,
            counter: wanted.counter ?? 1,
            bootloader: { min: 1, max: 1 },
            health: { windowMillis: wanted.windowMillis ?? 400, probes: wanted.probes ?? [] },
          },
        },
        { crypto: nodeCrypto },
      ),
    )
    const signer = wanted.signer ?? this.#signer
    const kid = keyId(this.#signer.key, nodeCrypto)
    const { envelope } = orThrow(await signEnvelope(made.envelope, kid, { crypto: nodeCrypto, signer }))
    const folder = join(this.#folder, `${wanted.version}-${wanted.sequence}.release`)
    const refusal = writeRelease(folder, { ...made, envelope })
    if (isRefusal(refusal)) throw new Error(refusal.code)
    return { ...made, envelope, folder }
  }
}
