// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const BINS = 'src/core/trust/hash-bins.ts'
const ROLE = 'src/core/trust/bin-role.ts'
const KEEP = 'src/flows/keep.ts'
const ROTATE = 'src/flows/rotate.ts'
const DIRECT = 'src/flows/direct.ts'

const FOLDER = 'src/adapters/repository-folder.ts'
const PLAIN = 'tests/adapters/repository-folder.test.ts'
const JSON_READER = 'src/core/encoding/strict-json.ts'
const SPELLED = 'tests/core/encoding/spelled-json.test.ts'
const OF_BINS = 'tests/core/trust/hash-bins.test.ts'
const PUBLISHED = 'tests/flows/bins.test.ts'
const ROTATED = 'tests/flows/rotate.test.ts'
const RENEWED = 'tests/flows/renew.test.ts'

/** The guards of the writing side: hash bins, new roots, the server's own signatures, damaged bundles. */
export const REPOSITORY_GUARDS: readonly Guard[] = [
  {
    stops: 'the targets of before, or another bin, played as a bin',
    file: 'src/core/trust/trusted-set.ts',
    text: '    (bins === null ? null : checkBinRole(bins, role.name, targets.signed, subject, crypto)) ??\n',
    without: '',
    tests: OF_BINS,
  },
  {
    stops: 'a bin that is not signed as the bin that it is served as',
    file: ROLE,
    text: '  if (meant !== name) {',
    without: '  if (meant === undefined && name === "") {',
    tests: OF_BINS,
  },
  {
    stops: 'a bin played as the targets above all bins',
    file: ROLE,
    text: '  if (!Object.hasOwn(signed.raw, BIN_ROLE)) return null',
    without: '  if (signed.raw !== null) return null',
    tests: OF_BINS,
  },
  {
    stops: 'the note of a ceremony on what was published after it',
    file: BINS,
    text: '    ...kept,\n',
    without: '    ...before.raw,\n',
    tests: OF_BINS,
  },
  {
    stops: 'bins that are written in the place of delegated roles',
    file: BINS,
    text: ' || hasRoles(before)) return { targets',
    without: ') return { targets',
    tests: OF_BINS,
  },
  {
    stops: 'bins that are taken in the place of delegated roles',
    file: BINS,
    text: "  if (old === null && hasRoles(before)) return changed('bins in the place of delegated roles')\n",
    without: '',
    tests: OF_BINS,
  },
  {
    stops: 'hash bins that are given up, so that their targets vanish',
    file: BINS,
    text: "if (old !== null) return changed('no bins')",
    without: '',
    tests: OF_BINS,
  },
  {
    stops: 'hash bins that become others',
    file: BINS,
    text: 'if (old !== null && shown(old) !== shown(layout)) return changed(shown(layout))',
    without: '',
    tests: OF_BINS,
  },
  {
    stops: 'more hash bins than a server wants to read',
    file: BINS,
    text: 'if (layout.bitLength > MAX_BIN_BITS) return changed(shown(layout))',
    without: '',
    tests: OF_BINS,
  },
  {
    stops: 'targets beside the hash bins',
    file: BINS,
    text: 'if (after.targets.size > 0) return changed(`${after.targets.size} targets beside the bins`)',
    without: '',
    tests: OF_BINS,
  },
  {
    stops: 'hash bins delegated to other keys than those of the targets',
    file: BINS,
    text: '!sameKeys(keysOf(keys, layout), keysOf(root.keys, root.roles.targets))',
    without: 'layout.keyids.length === 0',
    tests: OF_BINS,
  },
  {
    stops: 'fewer signers for the hash bins than for the targets',
    file: BINS,
    text: ' || !sameThreshold(layout, root)',
    without: '',
    tests: OF_BINS,
  },
  {
    stops: 'hash bins of which some are missing',
    file: BINS,
    text: 'if (allAnew && handed.size < names.size) {',
    without: 'if (allAnew && handed.size < 0) {',
    tests: OF_BINS,
  },
  {
    stops: 'a hash bin that nobody has signed',
    file: BINS,
    text: 'if (unsigned !== null) return unsigned',
    without: '',
    tests: OF_BINS,
  },
  {
    stops: 'an older hash bin',
    file: BINS,
    text: 'if (signed.version !== version) {',
    without: 'if (signed.version < 0) {',
    tests: OF_BINS,
  },
  {
    stops: 'a target in a hash bin where nobody looks for it',
    file: ROLE,
    text: 'if (own !== name) return',
    without: "if (own === '') return",
    tests: OF_BINS,
  },
  {
    stops: 'a hash bin that delegates further',
    file: ROLE,
    text: "if (signed.delegations !== null) return refuse('bins-layout-changed', subject, 'targets', 'a bin that delegates')",
    without: '',
    tests: OF_BINS,
  },
  {
    stops: 'a publication that is taken for another one in other hash bins',
    file: 'src/flows/publish.ts',
    text: 'if (again && (await areInForce(world, handed)))',
    without: 'if (again)',
    tests: PUBLISHED,
  },
  {
    stops: 'a hash bin that was changed in the store',
    file: KEEP,
    text: 'readDelegated({ ...set, snapshot }, targets.signed, role, bytes, instant(0), world.crypto)',
    without: "readMetadata('targets', bytes, path)",
    tests: PUBLISHED,
  },
  {
    stops: 'metadata signed by keys that the root does not name',
    file: KEEP,
    text: 'if (signers.length < threshold) {',
    without: 'if (signers.length > threshold) {',
    tests: ROTATED,
  },
  {
    stops: 'a root under which the targets in force have too few signatures',
    file: ROTATE,
    text: 'if (verifySigned(targets, root.keys, root.roles.targets, `${repo}: targets`, world.crypto) !== null) {',
    without: 'if (targets.bytes.length === 0) {',
    tests: ROTATED,
  },
  {
    stops: 'targets that say something new on the way of a root',
    file: ROTATE,
    text: 'if (first !== undefined) {',
    without: "if (first?.path === '') {",
    tests: ROTATED,
  },
  {
    stops: 'a root under which no client would take what stands below it',
    file: ROTATE,
    text: '  return (await taken(world, current, files, now)) ?? { files, events }',
    without: '  return { files, events }',
    tests: ROTATED,
  },
  {
    stops: 'versions that were driven up going on for ever',
    file: 'src/core/trust/after-rotation.ts',
    text: 'if (document === null || document.signed.version <= MAX_GROWN_VERSION) return document',
    without: 'if (document !== undefined) return document',
    tests: ROTATED,
  },
  {
    stops: 'a damaged bundle of one site stopping the renewal of all',
    file: DIRECT,
    text: 'return { set, damage: discarded[0] ?? lost }',
    without: 'if (discarded[0] !== undefined) throw new Error(discarded[0].code)\n  return { set, damage: lost }',
    tests: RENEWED,
  },
  {
    stops: 'a bundle that is written anew below what its site has seen',
    file: DIRECT,
    text: 'damage === null ? 0 : highest(set, now)',
    without: '0',
    tests: RENEWED,
  },
  {
    stops: 'bundles that were signed and never committed being gone on from',
    file: DIRECT,
    text: 'sameBytes(known.timestamp.bytes, timestamp) &&',
    without: '',
    tests: RENEWED,
  },
  {
    stops: 'a damaged image repository stopping the renewal of the sites',
    file: 'src/flows/renew.ts',
    text: 'if (isRefusal(next)) refused.push(next)',
    without: 'if (isRefusal(next)) return { renewed: 0, refused: [next] }',
    tests: RENEWED,
  },
  {
    stops: 'a warning that is told at every look until nobody reads it',
    file: 'src/flows/warn.ts',
    text: 'if (before !== null && before.expires === one.expires && before.due <= due) continue',
    without: '',
    tests: 'tests/flows/warn.test.ts',
  },
  {
    stops: 'metadata that expires with nobody told',
    file: 'src/core/trust/expiry.ts',
    text: 'if (expires <= now) return -1',
    without: '',
    tests: 'tests/flows/warn.test.ts',
  },
  // Plain files.
  {
    stops: 'a timestamp that a reader sees before what it names',
    file: 'src/flows/export.ts',
    text: "new Set(['timestamp.json', ...roots.keys()])",
    without: 'new Set(roots.keys())',
    tests: PLAIN,
  },
  {
    stops: 'a timestamp that outlasts a cut of power which what it names does not',
    file: 'src/flows/export.ts',
    text: '  await folder.sync()\n  await folder.replace',
    without: '  await folder.replace',
    tests: PLAIN,
  },
  {
    stops: 'a target on a stick that is not what was signed',
    file: FOLDER,
    text: "return hash.digest('hex') === sha256",
    without: 'return true',
    tests: PLAIN,
  },
  {
    stops: 'an exported target of other bytes',
    file: FOLDER,
    text: 'return found === sha256 ? null :',
    without: 'return found !== null ? null :',
    tests: PLAIN,
  },
  {
    stops: 'an exported target without end',
    file: FOLDER,
    text: "if (got > length) return refuse('download-too-long', path, `${length} bytes`, 'more')",
    without: '',
    tests: PLAIN,
  },
  {
    stops:
      'new folders that are reckoned by the length of their names, which is another one at the top of the file system',
    file: FOLDER,
    text: 'relative(above, resolve(folder)).split(sep)',
    without: 'folder.slice(above.length + 1).split(sep)',
    tests: PLAIN,
  },
  {
    stops: 'a new folder whose name is not durable',
    file: FOLDER,
    text: 'return [above, ...steps',
    without: 'return [...steps',
    tests: PLAIN,
  },
  // What is read in the engine's own spelling.
  {
    stops: 'a document that is read quickly and has a name twice',
    file: JSON_READER,
    text: 'return JSON.stringify(value) === text && isPlain(value, 0) ? value : undefined',
    without: 'return isPlain(value, 0) ? value : undefined',
    tests: SPELLED,
  },
  {
    stops: 'a document that is read quickly and has fractions, or no end of levels',
    file: JSON_READER,
    text: '&& isPlain(value, 0)',
    without: '',
    tests: SPELLED,
  },
  {
    stops: 'a document that is read quickly and has half of a character',
    file: JSON_READER,
    text: "text.includes('\\\\u') || ",
    without: '',
    tests: SPELLED,
  },
  {
    stops: 'a document that is read quickly and has a member that is none',
    file: JSON_READER,
    text: ` || text.includes('"__proto__"')`,
    without: '',
    tests: SPELLED,
  },
  {
    stops: 'a signed document in another spelling than the canonical one',
    file: JSON_READER,
    text: 'canonical: isInCanonicalOrder(plain)',
    without: 'canonical: true',
    tests: SPELLED,
  },
]
