import { constants, createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Json, JsonObject } from '../../../../src/core/encoding/canonical-json.ts'
import { type ForeignKey, foreignKey } from '../../../conformance/tuf-client/foreign-key.ts'
import type { View } from './clients.ts'
import { ALIVE, type GeneratedRepository, type Signed, type Top } from './generated-repository.ts'

type Served = Map<string, Uint8Array>

/**
 * Where our verifier and tuf-js 6.0.2 answer differently, and why. Each row is planted into drawn repositories, and both
 * answers must come out as they stand here. What is not listed must not differ. docs/trust.md has the same rows.
 */
export type Difference = {
  readonly name: string
  /** Changes the repository before the clients look at it for the first time. */
  readonly before?: (repository: GeneratedRepository) => void
  /** Changes it then, or what is served. */
  readonly plant: (repository: GeneratedRepository, served: Served) => void
  /** The path that is looked up. */
  readonly path?: string
  /** `found`, `none`, `refused`, or `=CONTENT` for a certain file. */
  readonly ours: string
  readonly theirs: string
  /** Shows with one of the clients only: the one that has looked before, or the one that begins. */
  readonly client?: 'kept' | 'fresh'
}

export const PATH = 'c'

/** Whether a view says of a path what is expected. */
export function answers(view: View, path: string, expected: string): boolean {
  const answer = view === 'refused' ? 'refused' : (view[path] as string)
  if (expected.startsWith('=')) return answer === digest(expected.slice(1))
  return expected === (/^[0-9a-f]{64}$/.test(answer) ? 'found' : answer)
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (file: Uint8Array | undefined): string => new TextDecoder().decode(file)
const digest = (content: string): string => createHash('sha256').update(content).digest('hex')
const entry = (content: string): JsonObject => ({ length: content.length, hashes: { sha256: digest(content) } })

/** The top-level targets say it themselves. */
function say(repository: GeneratedRepository, targets: JsonObject = { [PATH]: entry(PATH) }): void {
  const signed = repository.at('targets')
  delete signed.delegations
  signed.targets = targets
  signed.version += 1
  repository.write('targets')
  repository.announce()
}

type Delegated = { readonly name: string; readonly by?: JsonObject; readonly has?: readonly string[] }

/** The top-level targets say nothing themselves, and delegate to roles of one key. */
function delegate(repository: GeneratedRepository, roles: readonly Delegated[]): void {
  const key = foreignKey()
  const ring = { [key.id]: key.object }
  const list = roles.map(({ name, by = { paths: ['*', '*/*'] } }) => {
    return { name, keyids: [key.id], threshold: 1, terminating: false, ...by }
  })
  for (const { name, has = [PATH] } of roles) {
    const targets = Object.fromEntries(has.map(path => [path, entry(`${path} of ${name}`)]))
    const version = (repository.signed.get(name)?.version ?? 0) + 1
    const signed: Signed = { _type: 'targets', spec_version: '1.0.31', version, expires: ALIVE, targets }
    repository.signed.set(name, signed)
    repository.signers.set(name, { keys: [key], threshold: 1 })
    repository.write(name)
  }
  const top = repository.at('targets')
  top.delegations = { keys: ring, roles: list as unknown as Json }
  top.targets = {}
  top.version += 1
  repository.write('targets')
  repository.announce()
}

/** Gives a role to some keys, by the next root, and lets everything be signed anew. */
function give(repository: GeneratedRepository, role: Top, keys: readonly ForeignKey[], threshold = keys.length): void {
  repository.signers.set(role, { keys, threshold })
  repository.publishRoot()
  say(repository)
}

/** Changes the text of the timestamp, which says then what was signed all the same. */
const respelled =
  (change: (text: string) => string) =>
  (repository: GeneratedRepository, served: Served): void => {
    say(repository)
    served.set('timestamp.json', bytes(change(text(repository.files.get('timestamp.json')))))
  }

/** A key that is written in another way, or of another kind, than foreignKey makes them. */
function oddKey(
  keytype: string,
  scheme: string,
  { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject },
  how: { readonly public?: (spki: Buffer) => string; readonly hash?: string; readonly pss?: boolean } = {},
): ForeignKey {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const shown = how.public?.(spki) ?? (publicKey.export({ type: 'spki', format: 'pem' }) as string)
  const options = how.pss === true ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {}
  return {
    id: digest(shown),
    object: { keytype, scheme, keyval: { public: shown } },
    sign: message => sign(how.hash ?? null, message, { key: privateKey, ...options }).toString('hex'),
  }
}

const oddly = (make: () => ForeignKey) => (repository: GeneratedRepository) => give(repository, 'timestamp', [make()])

export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'role names of digits',
    plant: repository => delegate(repository, [{ name: '10' }, { name: '2' }]),
    ours: '=c of 10',
    theirs: 'refused',
  },
  {
    name: 'one key under two ids',
    plant: repository => {
      const key = foreignKey()
      give(repository, 'targets', [key, { ...key, id: digest('twin') }], 2)
    },
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'a target named as a member of every object',
    plant: repository => say(repository),
    path: 'constructor',
    ours: 'none',
    theirs: 'something else',
  },
  {
    name: 'a name twice in an object',
    plant: respelled(file => file.replace(/"version":(\d+)/, '"version":1,"version":$1')),
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'a whole number with a fraction',
    plant: respelled(file => file.replace(/"version":(\d+)/, '"version":$1.0')),
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'a signature in capital hex',
    plant: respelled(file => file.replace(/"sig":"([0-9a-f]+)"/, (_, sig) => `"sig":"${sig.toUpperCase()}"`)),
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'a signature that is no hex, beside enough others',
    plant: respelled(file => file.replace('"signatures":[', '"signatures":[{"keyid":"stranger","sig":"none"},')),
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'an expiry with milliseconds',
    plant: repository => {
      repository.at('timestamp').expires = ALIVE.replace('Z', '.000Z')
      say(repository)
    },
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'a version of 0',
    plant: repository => {
      say(repository)
      repository.at('timestamp').version = 0
      repository.write('timestamp')
    },
    client: 'fresh',
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'brackets in a pattern',
    plant: repository => delegate(repository, [{ name: 'line', by: { paths: ['[cd]'] } }]),
    ours: 'none',
    theirs: 'found',
  },
  {
    name: 'a star and a name that begins with a dot',
    plant: repository => delegate(repository, [{ name: 'line', by: { paths: ['a/*'] }, has: ['a/.hidden'] }]),
    path: 'a/.hidden',
    ours: 'found',
    theirs: 'none',
  },
  {
    name: 'a delegation for no path',
    plant: repository => delegate(repository, [{ name: 'line', by: {} }]),
    ours: 'refused',
    theirs: 'none',
  },
  {
    name: 'more delegations than are followed',
    plant: repository => {
      const roles = Array.from({ length: 40 }, (_, index) => ({ name: `r${index}`, has: index === 39 ? [PATH] : [] }))
      delegate(repository, roles)
    },
    ours: 'refused',
    theirs: 'none',
  },
  {
    name: 'a digest by an algorithm that is not known, beside a SHA-256',
    plant: repository => {
      say(repository)
      const timestamp = repository.at('timestamp')
      timestamp.version = repository.next('timestamp')
      const sha256 = createHash('sha256').update(repository.bytesOf('snapshot')).digest('hex')
      timestamp.meta = {
        'snapshot.json': { version: repository.at('snapshot').version, hashes: { sha256, none: '00' } },
      }
      repository.write('timestamp')
    },
    ours: 'found',
    theirs: 'refused',
  },
  {
    name: 'no word about consistent snapshots',
    plant: repository => {
      repository.consistent = false
      repository.publishRoot()
      const root = repository.at('root')
      root.version += 1
      delete root.consistent_snapshot
      repository.write('root')
      say(repository)
    },
    ours: 'found',
    theirs: 'refused',
  },
  {
    name: 'a timestamp between 16 and 64 KiB',
    plant: repository => {
      repository.at('timestamp').note = 'x'.repeat(20_000)
      say(repository)
    },
    ours: 'found',
    theirs: 'refused',
  },
  {
    name: 'more than 64 new roots at once',
    plant: repository => {
      for (let root = 0; root < 65; root += 1) repository.publishRoot()
      say(repository)
    },
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'a timestamp key that was taken away, of several',
    before: repository => {
      give(repository, 'timestamp', [foreignKey(), foreignKey()], 1)
      repository.stamp()
    },
    plant: repository => {
      const [kept] = repository.keysOf('timestamp')
      repository.signers.set('timestamp', { keys: [kept as ForeignKey], threshold: 1 })
      repository.publishRoot()
      repository.at('timestamp').version = 0
      say(repository)
    },
    client: 'kept',
    ours: 'found',
    theirs: 'refused',
  },
  {
    name: 'another snapshot of a version that is known, announced by its digest',
    before: repository => {
      repository.announced = 'digest'
      say(repository, { [PATH]: entry('old') })
    },
    plant: repository => {
      repository.at('snapshot').version -= 1
      say(repository, { [PATH]: entry('new') })
    },
    client: 'kept',
    ours: '=new',
    theirs: '=old',
  },
  {
    name: 'a key of ML-DSA-65',
    plant: oddly(() => oddKey('ml-dsa', 'ml-dsa-65', generateKeyPairSync('ml-dsa-65' as 'ed25519'))),
    ours: 'found',
    theirs: 'refused',
  },
  {
    name: 'a key of RSA with PKCS #1 v1.5',
    plant: oddly(() => foreignKey('rsa-pkcs1v15-sha256')),
    ours: 'found',
    theirs: 'refused',
  },
  {
    name: 'a key of RSA-PSS with SHA-512',
    plant: oddly(() => {
      const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
      return oddKey('rsa', 'rsassa-pss-sha512', pair, { hash: 'sha512', pss: true })
    }),
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'a key of RSA with 1024 bits',
    plant: oddly(() => {
      const pair = generateKeyPairSync('rsa', { modulusLength: 1024 })
      return oddKey('rsa', 'rsassa-pss-sha256', pair, { hash: 'sha256', pss: true })
    }),
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'a key of Ed25519 in PEM',
    plant: oddly(() => oddKey('ed25519', 'ed25519', generateKeyPairSync('ed25519'))),
    ours: 'refused',
    theirs: 'found',
  },
  {
    name: 'a key of ECDSA in hex',
    plant: oddly(() => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const point = (spki: Buffer): string => spki.subarray(26).toString('hex')
      return oddKey('ecdsa', 'ecdsa-sha2-nistp256', pair, { hash: 'sha256', public: point })
    }),
    ours: 'refused',
    theirs: 'found',
  },
]
