import type { Guard } from './guard.ts'

const APPLY = 'src/core/delta/apply.ts'
const PATCH = 'src/core/delta/patch.ts'
const WALK = 'src/core/delta/image-walk.ts'
const COMMAND = 'src/apps/cli/commands/delta.ts'
const FILES = 'tests/apps/cli/delta-files.test.ts'
const HOSTILE = 'tests/core/delta/hostile.test.ts'
const PATCHES = 'tests/core/delta/patch.test.ts'

/** The guards of whoever applies a patch, against one that somebody made or changed. */
export const DELTA_GUARDS: readonly Guard[] = [
  {
    stops: 'a patch that needs more memory than there is for it',
    file: APPLY,
    text: '    if (needed > memory) {',
    without: '    if (needed < 0) {',
    tests: PATCHES,
  },
  {
    stops: 'a patch for an image without room',
    file: APPLY,
    text: 'if (length > room) return',
    without: 'if (length < 0) return',
    tests: HOSTILE,
  },
  {
    stops: 'more bits than a block of a patch has',
    file: APPLY,
    text: '    if (coder.isBeyond) return refuse(',
    without: '    if (this.#covers === null) return refuse(',
    tests: HOSTILE,
  },
  {
    stops: 'a long image made of a few bytes of a patch, and of zeros behind them',
    file: APPLY,
    text: '      if (coder.isBeyond) return null\n',
    without: '',
    tests: HOSTILE,
  },
  {
    stops: 'a patch that is gone on with before its covers came',
    file: APPLY,
    text: 'if (this.wantsCovers || written',
    without: 'if (written',
    tests: HOSTILE,
  },
  {
    stops: 'a journal of a patch that is beyond its image',
    file: APPLY,
    text: '|| written > this.#header.target.length)',
    without: '|| written < 0)',
    tests: HOSTILE,
  },
  {
    stops: 'more covers than the header of a patch says, and keeps memory for',
    file: APPLY,
    text: 'if (count > covers - this.#covers.length) return outside',
    without: 'if (count < 0) return outside',
    tests: HOSTILE,
  },
  {
    stops: 'a cover before the old image',
    file: APPLY,
    text: 'cover.old < 0 || ',
    without: '',
    tests: HOSTILE,
  },
  {
    stops: 'a cover behind the old image',
    file: APPLY,
    text: ' || cover.old + cover.length > base.length',
    without: '',
    tests: HOSTILE,
  },
  {
    stops: 'a cover behind the new image',
    file: APPLY,
    text: 'if (cover.new + cover.length > target.length) return',
    without: 'if (cover.new + cover.length < 0) return',
    tests: HOSTILE,
  },
  {
    stops: 'more bytes than the image of a patch has',
    file: APPLY,
    text: 'if (end > this.#header.target.length) {',
    without: 'if (end < 0) {',
    tests: HOSTILE,
  },
  {
    stops: 'a block of a patch that is not the one before names',
    file: PATCH,
    text: 'if (!sameBytes(chainDigest(crypto, bytes), digest)) {',
    without: 'if (digest.length === 0) {',
    tests: HOSTILE,
  },
  {
    stops: 'a payload of a patch longer than its memory',
    file: PATCH,
    text: 'if (payload.length > longest) return',
    without: 'if (payload.length < 0) return',
    tests: HOSTILE,
  },
  {
    stops: 'a block of a patch that has nothing',
    file: PATCH,
    text: "if (count === 0) return bad('a block",
    without: "if (count < 0) return bad('a block",
    tests: HOSTILE,
  },
  {
    stops: 'a patch with more covers than its image has bytes',
    file: PATCH,
    text: 'if (covers > now) return',
    without: 'if (covers < 0) return',
    tests: PATCHES,
  },
  {
    stops: 'a patch of a version that is not known',
    file: PATCH,
    text: 'if (version !== PATCH_VERSION) return',
    without: 'if (version === undefined) return',
    tests: PATCHES,
  },
  {
    stops: 'a patch of an architecture that is not known',
    file: PATCH,
    text: '  if (architecture === undefined)\n',
    without: '  if (version === undefined)\n',
    tests: PATCHES,
  },
  {
    stops: 'a patch whose model takes any number of slots',
    file: PATCH,
    text: 'slotBits < SLOT_BITS.least || slotBits > SLOT_BITS.most',
    without: 'slotBits < 0',
    tests: PATCHES,
  },
  {
    stops: 'a patch whose images have more bytes than 31 bits say',
    file: PATCH,
    text: 'if (old > MOST_IMAGE_BYTES || now > MOST_IMAGE_BYTES)',
    without: 'if (old < 0)',
    tests: PATCHES,
  },
  {
    stops: 'a slot that failed while a patch is applied, and is asked on',
    file: 'src/core/delta/carry-out.ts',
    text: '    if (isRefusal(answer)) return answer\n',
    without: '',
    tests: HOSTILE,
  },
  {
    stops: 'bytes before the base that a patch reads',
    file: WALK,
    text: 'const first = Math.max(0, at - MARGIN)',
    without: 'const first = at - MARGIN',
    tests: PATCHES,
  },
  {
    stops: 'bytes behind the base that a patch reads',
    file: WALK,
    text: 'const last = Math.min(old.length, at + length + MARGIN)',
    without: 'const last = at + length + MARGIN',
    tests: PATCHES,
  },
  {
    stops: 'a device that a patch, or an image made of one, takes the place of',
    file: COMMAND,
    text: "  if (!there.isFile()) return refuse('file-exists'",
    without: "  if (there.size < 0) return refuse('file-exists'",
    tests: FILES,
  },
  {
    stops: 'an image that the patch from it is written over',
    file: COMMAND,
    text: 'return dev === there.dev && ino === there.ino',
    without: 'return dev < 0 && ino < 0',
    tests: FILES,
  },
]
