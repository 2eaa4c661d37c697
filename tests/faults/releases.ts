import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { seeded } from '../../sim/clock/random.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import type { Transition } from '../../src/core/firmware/release-facts.ts'
import type { Anchor } from '../../src/core/firmware/suit-open.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { createRelease, type Release } from '../../src/flows/release.ts'
import { signEnvelope } from '../../src/flows/sign.ts'

/**
 * The releases of the fault runs, the same bytes in every process: keys are made from fixed seeds, and Ed25519 signs
 * without chance. A run that failed is thereby repeated bit by bit.
 */

/** PKCS#8 of an Ed25519 key, in front of its 32 bytes of seed (RFC 8410 §7). */
const PKCS8_ED25519 = Uint8Array.fromHex('302e020100300506032b657004220420')

type VendorKey = { readonly anchor: Anchor; readonly signer: Signer }

/** A vendor's key that a number fixes. */
function vendorKey(number: number): VendorKey {
  const seed = new Uint8Array(32).fill(number)
  const der = Buffer.concat([PKCS8_ED25519, seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }))
  const key = { alg: 'ed25519', spki } as const
  return {
    anchor: { kid: number.toString(16).padStart(2, '0').repeat(32), key },
    signer: { key, development: true, sign: async message => new Uint8Array(sign(null, message, privateKey)) },
  }
}

export const FIRST_KEY = vendorKey(0xa1)
/** The key that follows it. */
const NEXT_KEY = vendorKey(0xb2)
/** The images of a group, in the order of their areas. */
export const COMPONENTS = ['app', 'radio'] as const

/** Length of the health window, in milliseconds, and the one probe that is asked. */
export const WINDOW = 8_000
const PROBES = ['ems-link']
/** Bytes in a chunk: small enough that a small image has several. */
const CHUNK = 512

/** Bytes that look like code: none reads as erased. */
function imageOf(seed: number, length: number): Uint8Array {
  const random = seeded(seed)
  return Uint8Array.from({ length }, () => Math.floor(random() * 255))
}

/** A release with those who signed it. */
export type Made = Release & { readonly signers: readonly string[] }

type Wanted = {
  readonly version: string
  readonly sequence: number
  readonly counter: number
  readonly key?: VendorKey
  readonly transition?: Transition
}

async function release(sizes: readonly number[], wanted: Wanted): Promise<Made> {
  const { version, sequence, counter, key = FIRST_KEY, transition = null } = wanted
  const [image, ...further] = sizes.map((size, index) => imageOf(sequence + 1000 * index, size))
  const made = orThrow(
    createRelease(
      {
        image: image as Uint8Array,
        further: further.map((part, index) => ({ name: COMPONENTS[index + 1] as string, image: part })),
        chunkBytes: CHUNK,
        facts: {
          vendor: 'voltworks.example',
          class: 'bms-rack',
          hardware: ['primehub'],
          version,
          sequence,
          counter,
          bootloader: { min: 1, max: 9 },
          health: { windowMillis: WINDOW, probes: PROBES },
          transition,
        },
      },
      { crypto: nodeCrypto },
    ),
  )
  const signed = await signEnvelope(made.envelope, key.anchor.kid, { crypto: nodeCrypto, signer: key.signer })
  return { ...made, envelope: orThrow(signed).envelope, signers: [key.anchor.kid] }
}

/**
 * What a controller of the fault runs may hold. `second` raises the counter, `third` does not. `adds` brings the next
 * key, `under` is signed by it, `retires` gives the first key up, `last` comes behind it.
 */
export type Releases = Readonly<
  Record<'golden' | 'first' | 'second' | 'third' | 'adds' | 'under' | 'retires' | 'last', Made>
>

/** The releases with images of so many bytes, one for each component. Golden has the first alone. */
export async function releasesOf(sizes: readonly number[]): Promise<Releases> {
  const { kid, key } = NEXT_KEY.anchor
  const add: Transition = { kind: 'add', kid, alg: key.alg, spki: key.spki.toHex() }
  const retire: Transition = { kind: 'retire', kid: FIRST_KEY.anchor.kid }
  return {
    golden: await release(sizes.slice(0, 1), { version: '0.9.0', sequence: 1, counter: 0 }),
    first: await release(sizes, { version: '1.0.0', sequence: 10, counter: 1 }),
    second: await release(sizes, { version: '2.0.0', sequence: 20, counter: 2 }),
    third: await release(sizes, { version: '3.0.0', sequence: 30, counter: 2 }),
    adds: await release(sizes, { version: '2.1.0', sequence: 21, counter: 2, transition: add }),
    under: await release(sizes, { version: '3.1.0', sequence: 31, counter: 2, key: NEXT_KEY }),
    retires: await release(sizes, { version: '4.0.0', sequence: 40, counter: 3, key: NEXT_KEY, transition: retire }),
    last: await release(sizes, { version: '5.0.0', sequence: 50, counter: 3, key: NEXT_KEY }),
  }
}
