import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const trust = { exit: 20, status: 422, action: 'refuse' } as const
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
    fix: 'Nothing of it is used. Use the full image, and tell the release engineer: the patch or the memory is faulty.',
  },
  'patch-memory-refused': {
    ...policy,
    title: 'the patch needs more memory than there is for it',
    fix: 'Make it for less memory (voltseal delta create --memory), or use the full image.',
  },
} satisfies CodeTable
