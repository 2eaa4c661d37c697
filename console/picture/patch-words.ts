import { showBytes } from '../../src/core/campaign/link.ts'
import { FROM_NOTHING } from '../../src/core/fleet/patch-rows.ts'
import type { ReleasePatches } from '../../src/wire/patch-api.ts'
import type { MarkKind } from './mark-kind.ts'

/** The patches to a release, as they stand in a table. */

type Base = ReleasePatches['bases'][number]

/** One base. `travels`: what a controller that runs it gets, in bytes; null: that is not known before its patch is made. */
export type PatchLine = {
  readonly base: string
  readonly from: string
  readonly controllers: string
  readonly travels: { readonly bytes: number; readonly text: string } | null
  readonly kind: MarkKind | null
  readonly state: string
  /** What a button says that has it made; null: there is nothing to be pressed. */
  readonly label: string | null
}

/** Digits of a digest that people see. */
const SHORT = 12

export function patchLines(view: ReleasePatches): readonly PatchLine[] {
  const nothing = view.bases.find(isNothing)?.made ?? null
  return view.bases.map(one => ({
    base: one.base,
    from: isNothing(one) ? 'nothing' : one.version === null ? one.base.slice(0, SHORT) : `${view.class} ${one.version}`,
    controllers: isNothing(one) ? 'any' : one.controllers === null ? 'not shown' : String(one.controllers),
    travels: isComing(one) ? null : travelsOf(view, one, nothing),
    ...standingOf(one),
  }))
}

/** Which controllers are counted, where it is not all of them. */
export const COUNTED: Readonly<Record<ReleasePatches['counted'], string | null>> = {
  all: null,
  some: 'Controllers are counted at the sites that your roles reach.',
  none: 'Which images controllers run, and how many of them, is shown to roles with read-inventory: yours are without it.',
}

/** It is waited for, or would be as soon as it is ordered. */
const isComing = (one: Base): boolean =>
  one.state === 'wanted' ? !isOff(one) : one.state === 'unasked' && one.refused === null

const isOff = ({ refused }: Base): boolean => refused?.code === 'patches-off'

const isNothing = ({ base }: Base): boolean => base === FROM_NOTHING

/** The smallest of the patch, the compressed image and the image itself. */
function travelsOf({ full }: ReleasePatches, { made, base }: Base, nothing: Base['made']): PatchLine['travels'] {
  const whole = { bytes: full, text: `the whole image, ${showBytes(full)}` }
  const of = (bytes: number): string => `${showBytes(bytes)} of ${showBytes(full)}, ${share(bytes, full)}`
  const packed = nothing === null ? whole : { bytes: nothing.bytes, text: `the compressed image, ${of(nothing.bytes)}` }
  const own = made === null || base === FROM_NOTHING ? packed : { bytes: made.bytes, text: of(made.bytes) }
  return [packed, own].reduce((least, one) => (one.bytes < least.bytes ? one : least), whole)
}

const share = (bytes: number, full: number): string => `${((100 * bytes) / full).toFixed(1)} %`

function standingOf(one: Base): Pick<PatchLine, 'kind' | 'state' | 'label'> {
  const { state, ahead, made, reason, refused } = one
  switch (state) {
    case 'made':
      return { kind: 'good', state: madeWords(made), label: null }
    case 'wanted':
      if (isOff(one)) return { kind: null, state: `not made: ${whyNot(refused)}`, label: null }
      return ahead === 0
        ? { kind: 'busy', state: 'being made', label: null }
        : { kind: 'waiting', state: `in the queue, ${ahead} before it`, label: null }
    case 'none': {
      // The same images would make the same bytes again.
      const isFinal = refused !== null || reason?.code === 'patch-not-smaller'
      return { kind: null, state: `could not be made: ${whyNot(reason)}`, label: isFinal ? null : 'Try again' }
    }
    case 'unasked':
      return refused === null
        ? { kind: 'waiting', state: 'not asked for yet: it is made when it is ordered', label: 'Make it now' }
        : { kind: null, state: `cannot be made now: ${whyNot(refused)}`, label: null }
  }
}

const madeWords = (made: Base['made']): string =>
  made === null || made.by === 'publisher' ? 'made by its publisher' : `made in ${(made.millis / 1000).toFixed(1)} s`

const WHY: Readonly<Record<string, string>> = {
  'blob-missing': 'that image was never uploaded here',
  'patch-not-smaller': 'it would not be smaller than the image',
  'patch-too-slow': 'it takes longer than it may',
  'patch-too-large': 'it takes more memory than it may',
  'patch-queue-full': 'the queue is full',
  'patches-off': 'this server makes none',
  'release-encrypted': 'its publisher alone can make it',
}

function whyNot(said: Base['reason']): string {
  if (said === null) return 'nobody knows why'
  return Object.hasOwn(WHY, said.code) ? WHY[said.code]! : `${said.code}: ${said.actual}`
}

/** The address of the view of a release's patches. */
export const patchesPath = (release: string): string =>
  `/v1/patches/to/${release.split('/').map(encodeURIComponent).join('/')}`
