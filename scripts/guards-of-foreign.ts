// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const DOOR = 'tests/conformance/tuf-client/*.test.ts'
const KEYS = 'tests/conformance/tuf-client/keys.test.ts'
const GRAPHS = 'tests/conformance/tuf-client/delegation-graphs.test.ts'
const FILES = 'tests/conformance/tuf-client/file-download.test.ts'
const TRUST = 'tests/core/trust/*.test.ts'
const READ = 'src/core/trust/read-metadata.ts'

/** The guards of what is read of repositories that others made. */
export const FOREIGN_GUARDS: readonly Guard[] = [
  {
    stops: 'one RSA key with both of its paddings',
    file: 'src/core/trust/keys.ts',
    text: '  return toBase64(key.spki)\n',
    without: '  return `${key.alg} ${toBase64(key.spki)}`\n',
    tests: KEYS,
  },
  {
    stops: 'a key id twice in a role, or among signatures',
    file: READ,
    text: 'return seen.size === items.length ? items',
    without: 'return seen.size <= items.length ? items',
    tests: KEYS,
  },
  {
    stops: 'an RSA key that is too short',
    file: 'src/core/trust/rsa-key.ts',
    text: 'return bytes >= MODULUS.min &&',
    without: 'return bytes > 0 &&',
    tests: TRUST,
  },
  {
    stops: 'an RSA key that keeps a verifier busy',
    file: 'src/core/trust/rsa-key.ts',
    text: ' && bytes <= MODULUS.max',
    without: '',
    tests: TRUST,
  },
  {
    stops: 'PKCS#1 in a repository of ours',
    file: READ,
    text: "unknown: new Set(['rsa-pkcs1']),",
    without: 'unknown: new Set(),',
    tests: TRUST,
  },
  {
    stops: 'hash bins of no bits, or of more than a number has',
    file: READ,
    text: 'bit_length: whole(1, 32)',
    without: 'bit_length: whole(0, 64)',
    tests: GRAPHS,
  },
  {
    stops: 'a role by a name that climbs',
    file: 'src/core/trust/metadata.ts',
    text: "return encodeURIComponent(role).replaceAll(/[!'()*]/g,",
    without: "return role.replaceAll(/[!'()*]/g,",
    tests: KEYS,
  },
  {
    stops: 'a target whose path climbs',
    file: 'conformance/doors/tuf-commands.ts',
    text: "if (name.split('/').some(part => part === '' || part === '.' || part === '..')) {",
    without: "if (name === '') {",
    tests: FILES,
  },
  {
    stops: 'bytes that fit one of two digests',
    file: 'src/core/trust/digests.ts',
    text: 'stated.every(',
    without: 'stated.some(',
    tests: FILES,
  },
  {
    stops: 'a file without a digest that is known',
    file: 'src/core/trust/digests.ts',
    text: 'stated.length > 0 && ',
    without: '',
    tests: TRUST,
  },
  {
    stops: 'more bytes than were asked for',
    file: 'conformance/doors/tuf-http.ts',
    text: 'if (size > maxBytes) return',
    without: 'if (size < 0) return',
    tests: FILES,
  },
  {
    stops: 'the metadata of a refused step',
    file: 'conformance/doors/tuf-commands.ts',
    text: "return done.at === 'current' ? done.set : done.refusal",
    without: "return done.at === 'current' ? done.set : (done.set as CurrentSet)",
    tests: DOOR,
  },
]
