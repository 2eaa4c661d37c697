import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { type Cbor, encodeCbor } from '../../src/core/encoding/cbor.ts'
import { wrappedSha256 } from '../../src/core/firmware/suit-author.ts'
import { envelopeOf, hex, manifestOf, named, parameters, sequence, sha256 } from './suit-authoring.ts'

/**
 * Envelopes that others published, rebuilt from their fields. What is taken over is facts: the numbers in them, the digests
 * and signatures that their authors' tools came to, and the key that verifies them. The SHA-256 of each whole envelope was
 * taken from the published hex: the rebuilt bytes are the published ones.
 *
 * B.1 to B.6: draft-ietf-suit-manifest, Appendix B, as in revision 33 (github.com/suit-wg/manifest-spec, examples/, commits
 * 851267a for ESP256 and 3f1a078 for ES256; ESP256 of B.1, B.4 and B.5 and ES256 of B.6 by libcsuit,
 * github.com/kentakayama/libcsuit, testfiles/suit_manifest_exp0, exp3, exp4 and exp5; a second ES256 of B.1 by the crate
 * suit_validator 0.1.3, tests/test0). S.0: draft-ietf-suit-trust-domains, the first example, by libcsuit (suit_manifest_expS0).
 * T.2: draft-ietf-teep-protocol, "SUIT Manifest including the Trusted Component Binary", by libcsuit (suit_manifest_expI).
 */

/** The public key of all of them (draft-ietf-suit-manifest, Appendix B; the TEEP draft uses it too). */
export const EXAMPLE_KEY = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhJaBGq4LqqvSYVcYnuzaJr6qi/Eb
bz/m4rVlnIXbwK07HypLbAmBMcCjbazR14vTgdzfsJwFLbM5kdtzOLSolg==
-----END PUBLIC KEY-----
`

export type Published = { readonly alg: -7 | -9; readonly signature: string }
export type Example = {
  readonly name: string
  readonly manifest: Uint8Array
  readonly digest: string
  readonly signatures: readonly Published[]
  /** SHA-256 of the published envelope with the first of the signatures, and without severable parts. */
  readonly envelope: string
  readonly tagged?: boolean
  readonly beside?: readonly (readonly [number | string, Cbor])[]
}

export const VENDOR = 'fa6b4a53d5ad5fdfbe9de663e4d41ffe'
export const CLASS = '1492af1425695e48bf429b2d51f2ab45'
/** Patterns, not the digests of anything: no image matches them. */
export const DIGEST_A = '00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210'
export const DIGEST_B = '0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff'

const ALL = 15
const identified = [1, ALL, 2, ALL] as const
const matched = [3, ALL] as const
const fetched = [21, 2, 3, ALL] as const
const uri = (text: string): Cbor => parameters([21, text])
const image = (digest: string, size: number): readonly (readonly [number, Cbor])[] => [
  [3, sha256(digest)],
  [14, size],
]
const identity = (vendor: string, product: string): readonly (readonly [number, Cbor])[] => [
  [1, hex(vendor)],
  [2, hex(product)],
]

const FIRST = parameters(...identity(VENDOR, CLASS), ...image(DIGEST_A, 34_768))
const oneImage = sequence(20, FIRST, ...identified)

const slot = (number: number): readonly Cbor[] => [20, parameters([5, number]), 5, 5]
const inSlots = (first: Cbor, second: Cbor): Cbor => [sequence(...slot(0), 20, first), sequence(...slot(1), 20, second)]

const install2 = sequence(20, uri('http://example.com/very/long/path/to/file/file.bin'), ...fetched)

export const EXAMPLES: readonly Example[] = [
  {
    name: 'B.1 secure boot',
    manifest: manifestOf({
      number: 0,
      shared: oneImage,
      more: [
        [7, sequence(...matched)],
        [9, sequence(23, 2)],
      ],
    }),
    digest: '6658ea560262696dd1f13b782239a064da7c6c5cbaf52fded428a6fc83c7e5af',
    envelope: '17a1db3e68296651c3edaaaf6bd33b3fe427bae9eb5a07678e3ceb0de075f4f6',
    signatures: [
      {
        alg: -9,
        signature:
          '8679a7bde316a9c8a7dd701f3f153f011368749fce6c12e4e2c9f704d3bd104fb77559d2d9723ac9ce550dc69e7bf8cc3a1a460dc6f2b851780bd23cf6669c29',
      },
      {
        alg: -7,
        signature:
          '817be880dced4e3cfea51497cba36b308767f31bd94a47c6e40728b13e298a83165f3c5a7c15a1706807afaaa3c4c5d766a093b6d2c391a424156b48d0caebc5',
      },
      {
        alg: -7,
        signature:
          '408d0816f9b510749bf6a51b066951e08a4438f849eb092a1ac768eed9de696c1b1dd35d82ef149e6a73a61976ad2cfe78444b8064293350a122f332cb49f0da',
      },
    ],
  },
  {
    name: 'B.2 simultaneous download and installation',
    manifest: manifestOf({
      number: 1,
      shared: oneImage,
      more: [
        [7, sequence(...matched)],
        [20, sequence(20, uri('http://example.com/file.bin'), ...fetched)],
      ],
    }),
    digest: '1f2e7acca0dc2786f2fe4eb947f50873a6a3cfaa98866c5b02e621f42074daf2',
    envelope: '01ad519971a061add326539900d11db15954139e470a83b40f5b03c3e718250d',
    signatures: [
      {
        alg: -9,
        signature:
          '99149241cc392690aa15590cc0d97b8bf5084b3efbf2ca82f33179eed6e7370e44517bdd75f5bab97773fca4601e1ada8a5068619de0c648c1208e5a16141d21',
      },
      {
        alg: -7,
        signature:
          'aebc01d2335021e5451eaa3a5b780fe8e64254bead7c7bba5f773868d0acd3fe9feeeb6a77b83ef5270711dbb8974c7066275b948f6041fc55433210d5d7c042',
      },
    ],
  },
  {
    name: 'B.3 download, installation, secure boot, severed fields',
    manifest: manifestOf({
      number: 2,
      shared: oneImage,
      more: [
        [4, 'https://git.io/JJYoj'],
        [7, sequence(...matched)],
        [9, sequence(23, 2)],
        [20, [-16, wrappedSha256(install2, nodeCrypto)]],
        [23, [-16, hex('302196d452bce5e8bfeaf71e395645ede6d365e63507a081379721eeecf00007')]],
      ],
    }),
    digest: '6a5197ed8f9dccf733d1c89a359441708e070b4c6dcb9a1c2c82c6165f609b90',
    envelope: 'd1754ce38c73efe1f2f289899cf646a7b5df7aaa6f7280b0b418317b432ce097',
    signatures: [
      {
        alg: -9,
        signature:
          '57c963cd2821b99f7b0d2760265a57cadc9f341d5946b596385689721d659503fce306c592d8fd8aa71e05a063bd7cabce6dcf91ca325e44f16c5ae00380df1b',
      },
    ],
    beside: [[20, install2]],
  },
  {
    name: 'B.4 A/B images',
    manifest: manifestOf({
      number: 3,
      shared: sequence(
        20,
        parameters(...identity(VENDOR, CLASS)),
        15,
        inSlots(parameters(...image(DIGEST_A, 34_768)), parameters(...image(DIGEST_B, 76_834))),
        ...identified,
      ),
      more: [
        [7, sequence(...matched)],
        [
          20,
          sequence(15, inSlots(uri('http://example.com/file1.bin'), uri('http://example.com/file2.bin')), ...fetched),
        ],
      ],
    }),
    digest: 'f6d44a62ec906b392500c242e78e908e9cc5057f3f04104a06a8566200da2ee0',
    envelope: 'bddff02ed06951fb2aef03225dba7cd37e8a036fb556e7cf86edc1a941bb1f3b',
    signatures: [
      {
        alg: -9,
        signature:
          'ea86dc90cf2c9e20123d44499b826b2e8f40d6da700bfc8a8f3b52baccbdaab81107d93c7a4a360cc25221adf98f596de0aeb856fb5b614bc552443f2c50328e',
      },
      {
        alg: -7,
        signature:
          '8518ca4933c97e21d1ed653cdac1fa6dceb27642a71d03909c31ab5a0d2fd6cc3092db7d551acfe71c7035cf00dc148e7119420a3c34abfe8ca622d5bd516625',
      },
    ],
  },
  {
    name: 'B.5 load from external storage',
    manifest: manifestOf({
      number: 4,
      components: [[hex('00')], [hex('02')], [hex('01')]],
      shared: sequence(12, 0, 20, FIRST, ...identified),
      more: [
        [7, sequence(12, 0, ...matched)],
        [8, sequence(12, 2, 20, parameters(...image(DIGEST_B, 76_834), [22, 0]), 22, 2, ...matched)],
        [9, sequence(12, 2, 23, 2)],
        [16, sequence(12, 1, 20, parameters([3, sha256(DIGEST_A)], [21, 'http://example.com/file.bin']), ...fetched)],
        [20, sequence(12, 0, 20, parameters([22, 1]), 22, 2, ...matched)],
      ],
    }),
    digest: '5b5f6586b1e6cdf19ee479a5adabf206581000bd584b0832a9bdaf4f72cdbdd6',
    envelope: 'ec9ba7fab58582d81d3050da9222da151d7b8835ec8cb409817fcd68b83c8515',
    signatures: [
      {
        alg: -9,
        signature:
          '57efbf4db6d7f40e12cc7f9c3601a92d16c25486d645d1d8651cbefc8cc3baec09b0e17ed13f6ff29ef94b6658136af1e33a90057601131d191b8c41c5d4d309',
      },
      {
        alg: -7,
        signature:
          '62f0ef5b9bc8dbf2ddeda28cd0b280151a8409b8b9a4322e97d5a321bc4c1383f451c0e9de3fbe785a8c921052a89ce47f486a7b4ecde12d81446f59e436c0b9',
      },
    ],
  },
  {
    name: 'B.6 two images',
    manifest: manifestOf({
      number: 5,
      components: [[hex('00')], [hex('01')]],
      shared: sequence(12, 0, 20, FIRST, ...identified, 12, 1, 20, parameters(...image(DIGEST_B, 76_834))),
      more: [
        [7, sequence(12, 0, ...matched, 12, 1, ...matched)],
        [9, sequence(12, 0, 23, 2)],
        [
          20,
          sequence(
            ...[12, 0, 20, uri('http://example.com/file1.bin'), ...fetched],
            ...[12, 1, 20, uri('http://example.com/file2.bin'), ...fetched],
          ),
        ],
      ],
    }),
    digest: '15ce60f77657e4531dc329155f8b0ed78f94bdc6d165b2665473693dcc34f470',
    envelope: '1ad0554471da15f33ef96a84015754a3da5a28d4b6124776610ee466f73a408a',
    signatures: [
      {
        alg: -9,
        signature:
          'c0933c7918517d1141e1b91b734fbbb8cad5ebbd20e29e8d13e9150787486c957f31ba7301c792667aad370d28e07579dd27defe9a6642e2aba233262f41ceee',
      },
      {
        alg: -7,
        signature:
          'f3b3efcc47c797508e2316a5fbebbe3d462c30240cd5349bd781e17c0feee58bbc3c8066704c93761a5b5931aae1ba08632d14880e7fcf6481661045d1399233',
      },
    ],
  },
]

const SECURE_FS = ['TEEP-Device', 'SecureFS'] as const
const tc = (part: string): Cbor => [
  ...(named(...SECURE_FS) as readonly Cbor[]),
  hex('8d82573a926d4754935332dc29997f74'),
  utf8(part),
]

/** Two that bring their payload with them: they can be run to their end, as they were published. */
export const WHOLE_EXAMPLES: readonly Example[] = [
  {
    name: 'S.0 content and write',
    manifest: manifestOf({
      number: 0,
      components: [named('00')],
      more: [
        [5, named('dependent.suit')],
        [9, sequence(20, parameters([23, utf8('cat 00')]), 23, ALL)],
        [20, sequence(20, parameters([18, utf8('hello world')]), 18, ALL)],
      ],
    }),
    digest: '0f02caf6d3e61920d36bf3cea7f862a13bb8fb1f09c3f4c29b121feab78ef3d8',
    envelope: '7f686aebb25e2c325663ed35d8a2fa2ec4af17362e09f1c14508ec77c815c34e',
    signatures: [
      {
        alg: -9,
        signature:
          'a25f337126369d2e0b451c01dbd8cdb84a77e7f6c39e789db3d227753494000c9d250001fddca39b4b4e3755a7278c11998171905f56c394cfbb907105da804f',
      },
    ],
  },
  {
    name: 'T.2 a trusted application inside the envelope',
    manifest: manifestOf({
      number: 3,
      components: [tc('ta')],
      shared: sequence(
        20,
        parameters(
          ...identity('c0ddd5f15243566087db4f5b0aa26c2f', 'db42f7093d8c55baa8c5265fc5820f4e'),
          ...image('8cf71ac86af31be184ec7a05a411a8c3a14fd9b77a30d046397481469468ece8', 20),
        ),
        ...identified,
      ),
      more: [
        [5, tc('suit')],
        [20, sequence(20, uri('#tc'), 21, ALL, 3, ALL)],
        [24, sequence(33, ALL)],
      ],
    }),
    digest: 'cedb0457952f7dd0a33fa4692f73bc833a6a6e2300b16f6605993f0192e3f219',
    envelope: 'd01f4daa0fc3af16b5412182d543e7a7328e607597af9c4e0dfa2fef6a917a22',
    tagged: false,
    signatures: [
      {
        alg: -7,
        signature:
          '71e3869e4e134a78c95d7ed81f5911fea4f189ec33c0f6474c866569ed3df7fb4e0d8871367ba3c73612a26c9e3984a4e22caa4bfbce84dcac0539ae87be9d3d',
      },
    ],
    beside: [['#tc', utf8('Hello, Secure World!')]],
  },
]

/** The published envelope with one of its signatures. */
export function published(
  { manifest, beside = [], tagged = true }: Example,
  { alg, signature }: Published,
): Uint8Array {
  const header = encodeCbor(new Map([[1, alg]]))
  return envelopeOf(manifest, [{ header, signature: hex(signature) }], beside, tagged)
}
