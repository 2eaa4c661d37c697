import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const trust = { exit: 20, status: 422, action: 'refuse' } as const
const later = { exit: 75, status: 503, action: 'retry' } as const
const fault = { exit: 74, status: 500, action: 'retry' } as const
const policy = { exit: 21, status: 409, action: 'refuse' } as const

export const deltaCodes = {
  'patch-malformed': {
    ...data,
    title: 'the patch is not one, or it is damaged',
    fix: 'Fetch it again, or make it again with voltseal delta create. If it stays so, use the full image.',
  },
  'patch-newer': {
    ...data,
    title: 'the patch is of a kind that this version of Voltseal does not know',
    fix: 'Update Voltseal, or use the full image.',
  },
  'patch-altered': {
    ...trust,
    title: 'a block of the patch is not the one that belongs there',
    fix: 'Fetch the patch again. If it is refused again, it was changed after it was made: use the full image, and tell the release engineer.',
  },
  'patch-base-differs': {
    ...data,
    title: 'the patch is for another base than what is there',
    fix: 'Take the patch that was made for what is there, or use the full image.',
  },
  'patch-target-differs': {
    ...trust,
    title: 'what came out of the patch is not the image that it was made for',
    fix: 'Nothing of it is used. Take the patch that was made for this release, or the full image. If it was that one, tell the release engineer: the patch or the memory is faulty.',
  },
  'patch-memory-refused': {
    ...policy,
    title: 'the patch needs more memory than there is for it',
    fix: 'Make it for less memory (voltseal delta create --memory), or use the full image.',
  },
  'patch-too-large': {
    ...policy,
    title: 'making the patch takes more memory than there is for it',
    fix: 'Give it more memory, or make it on a larger machine. The full image stays what it is.',
  },
  'patch-too-slow': {
    ...later,
    title: 'making the patch took longer than it may',
    fix: 'Give it more time, or make it on a faster machine. The full image stays what it is.',
  },
  'patch-cancelled': {
    ...later,
    title: 'somebody ended the making of the patch',
    fix: 'Make it again when it is wanted. Nothing of it was kept.',
  },
  'patch-not-made': {
    ...fault,
    title: 'the thread that made the patch ended without one',
    fix: 'Try it again. If it stays so, report it with both images, if they may be shared; the full image stays what it is.',
  },
  'patch-no-room': {
    ...policy,
    title: 'the patch makes an image for which there is no room',
    fix: 'Take a patch that was made for this controller. No image of this size fits it.',
  },
  'patch-not-smaller': {
    ...data,
    title: 'the patch would not be smaller than the images themselves',
    fix: 'Nothing is to be done: the full image is sent. Compressed or encrypted images have no small patches (docs/deltas.md).',
  },
  'patch-queue-full': {
    ...later,
    title: 'as many patches wait to be made as may',
    fix: 'Ask again when some are made (voltseal fleet patches), or let more wait: patches.queue in fleet.yaml.',
  },
  'patches-off': {
    ...policy,
    title: 'this fleet server makes no patches',
    fix: 'Take patches: off out of fleet.yaml, and start the server again.',
  },
  'release-patch-refused': {
    ...trust,
    title: 'a patch that a release comes with is not what the release says of it',
    fix: 'Make it again with voltseal release create --patch-from, or publish the release without it.',
  },
  'full-image-not-waited-for': {
    ...policy,
    title: 'no full image waits for a yes for this controller',
    fix: 'See what waits with voltseal gateway status. A full image that may come, or that a patch makes, needs nobody.',
  },
  'full-images-never': {
    ...policy,
    title: 'full images never come over the link of this site',
    fix: 'Wait for a patch, or change fullImages in gateway.yaml and start the gateway again.',
  },
} satisfies CodeTable
