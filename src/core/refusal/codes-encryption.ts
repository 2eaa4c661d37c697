import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const trust = { exit: 20, status: 422, action: 'refuse' } as const
const policy = { exit: 21, status: 409, action: 'refuse' } as const

export const encryptionCodes = {
  // Keys that content keys are wrapped for.
  'decryption-key-malformed': {
    ...data,
    title: 'what a content key is to be wrapped for is not a P-256 key',
    fix: 'Give the public key that the controller’s element shows, or the .pub file of a wrapping key that voltseal key generate made (ECDSA P-256).',
  },
  'decryption-key-unattested': {
    ...trust,
    title: 'the controller’s report key has not signed its decryption key',
    fix: 'Do not enrol it: the two keys are not of one element, or the request was changed on its way. Take the request from the controller again.',
  },
  'controller-without-decryption-key': {
    ...policy,
    title: 'the controller has no decryption key, and the release is encrypted',
    fix: 'Enrol the site again with a request that brings the decryption key, or publish a release that is not encrypted.',
  },

  // Wraps of a content key.
  'wrap-malformed': {
    ...trust,
    title: 'the wrap of the content key does not have the form of one',
    fix: 'Fetch it again. If it is still malformed, tell whoever runs the fleet server: it was damaged or made by something else.',
  },
  'wrap-missing': {
    ...trust,
    title: 'the release is encrypted, and no wrap of its content key came with it',
    fix: 'Over the gateway: wait for the fleet to order it again. On the spot: make one with voltseal release wrap and give it with --wrap.',
  },
  'wrap-for-another-key': {
    ...trust,
    title: 'the wrap of the content key is for another key',
    fix: 'Use the wrap that was made for this controller. If the gateway brought it, somebody between the fleet server and here has exchanged it.',
  },
  'wrap-not-opened': {
    ...trust,
    title: 'the key does not open the wrap of the content key',
    fix: 'Fetch the wrap again: it was altered, or made for a key that this controller does not have.',
  },
  'content-key-mismatch': {
    ...trust,
    title: 'the wrap holds the content key of another release',
    fix: 'Use the wrap that was made for this release. If the gateway brought it, somebody between the fleet server and here has exchanged it.',
  },
  'content-keys-missing': {
    ...data,
    title: 'the release is encrypted, and its content key is not beside it',
    fix: 'Take the release folder as release create left it, with content-keys.cbor in it.',
  },
  'content-key-not-for-us': {
    ...policy,
    title: 'the content key of the release is not wrapped for this wrapping key',
    fix: 'Have the release made with --encrypt-to and the wrapping key of this fleet (the .pub file).',
  },
  'element-cannot-agree': {
    exit: 74,
    status: 503,
    action: 'retry',
    title: 'the secure element did not use its decryption key',
    fix: 'Try again. If it stays so, the element has no such key, or is at its end: see the controller’s log.',
  },

  // Encrypted payloads.
  'payload-segment-refused': {
    ...trust,
    title: 'a segment of the encrypted payload is not the one that belongs there',
    fix: 'Fetch the payload again. If it is refused again, it was cut, reordered, exchanged or encrypted for another release: do not install it.',
  },
  'release-encrypted': {
    ...data,
    title: 'the payload of the release is encrypted, and is needed in the clear',
    fix: 'Make the release without --encrypt-to. What a factory or a programmer writes into flash is the image itself.',
  },
  'release-not-encrypted': {
    ...policy,
    title: 'the controller takes encrypted releases only',
    fix: 'Make the release with --encrypt-to. The rule was set when the controller was made.',
  },
  'campaign-wraps-missing': {
    ...policy,
    title: 'the content key of an encrypted release is not wrapped for every controller of the campaign',
    fix: 'Have the holder of the wrapping key run voltseal campaign wrap, then start the campaign. Or put the key into keys/wrapping of the fleet server.',
  },
  'assignment-wrap-missing': {
    ...trust,
    title: 'an encrypted release is ordered without a wrap for the controller',
    fix: 'Nothing is assigned at this site until the order is whole. Look at the fleet server: it orders what the controller could not decrypt.',
  },
} as const satisfies CodeTable
