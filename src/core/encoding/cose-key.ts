import { decodeCbor } from './cbor.ts'
import { spkiOfPoint } from './cipher.ts'

const MAX_COSE_KEY = 2048
/** Labels of a COSE key (RFC 9052 §7.1, RFC 9053 §7.1.1), and what they say of a P-256 key for ES256. */
const KTY = { label: 1, ec2: 2 } as const
const ALG = { label: 3, es256: -7 } as const
const CRV = { label: -1, p256: 1 } as const
const [X, Y] = [-2, -3]

/** The SubjectPublicKeyInfo of a COSE key for ES256 on P-256 (RFC 9053 §2.1), its point not compressed; null for any other. */
export function spkiOfCose(bytes: Uint8Array): Uint8Array | null {
  const key = decodeCbor(bytes, MAX_COSE_KEY)
  if (!(key instanceof Map)) return null
  const [x, y] = [key.get(X), key.get(Y)]
  const fits = key.get(KTY.label) === KTY.ec2 && key.get(ALG.label) === ALG.es256 && key.get(CRV.label) === CRV.p256
  if (!fits || !isCoordinate(x) || !isCoordinate(y)) return null
  return spkiOfPoint(Uint8Array.of(4, ...x, ...y))
}

const isCoordinate = (value: unknown): value is Uint8Array => value instanceof Uint8Array && value.length === 32
