import { writeFileSync } from 'node:fs'
import { voltseal } from '../worlds/people.ts'
import { changed, create, DAY, HEX, type Place, plan, publish } from './place.ts'
import type { Row } from './rows.ts'

/** What is wrong with a release, its keys or its bytes. */
export const RELEASE_ROWS: readonly Row<Place>[] = [
  // The image.
  {
    name: 'a missing image',
    code: 'file-missing',
    exit: 66,
    subject: /nowhere\.bin$/,
    expected: /^a file$/,
    actual: /^none of that name$/,
    meet: ({ world }) => voltseal(world, create(world, world.at('nowhere.bin'), 'bad.release')),
  },
  {
    name: 'an image that cannot be read',
    code: 'file-unreadable',
    exit: 66,
    subject: /keys$/,
    expected: /^a regular file$/,
    actual: /^something else$/,
    meet: ({ world }) => voltseal(world, create(world, world.at('keys'), 'bad.release')),
  },
  {
    name: 'an empty image',
    code: 'image-empty',
    exit: 65,
    subject: /empty\.bin$/,
    expected: /^at least one byte$/,
    actual: /^none$/,
    meet: ({ world }) => {
      writeFileSync(world.at('empty.bin'), '')
      return voltseal(world, create(world, world.at('empty.bin'), 'bad.release'))
    },
  },
  {
    name: 'an image larger than the slot',
    code: 'release-larger-than-slot',
    exit: 21,
    subject: /^quay\/bms-1, release bms 1\.5\.0$/,
    expected: /^at most 131072 bytes$/,
    actual: /^200000 bytes$/,
    logged: 1,
    meet: place => plan(place, 'large'),
  },
  {
    name: 'a release of another class',
    code: 'plan-class-mismatch',
    exit: 21,
    subject: /^quay\/bms-1$/,
    expected: /^a release for voltworks\.example bms$/,
    actual: /^voltworks\.example pcs$/,
    logged: 1,
    meet: place => plan(place, 'pcs'),
  },
  {
    name: 'a release for another hardware revision',
    code: 'release-wrong-hardware',
    exit: 21,
    subject: /^quay\/bms-1, release bms 1\.6\.0$/,
    expected: /^primehub$/,
    actual: /^essentialhub$/,
    logged: 1,
    meet: place => plan(place, 'hardware'),
  },
  {
    name: 'a version that is not above the installed one',
    code: 'release-not-newer',
    exit: 21,
    subject: /^quay\/bms-1, release bms 1\.0\.5$/,
    expected: /^a version above 1\.1\.0$/,
    actual: /^1\.0\.5$/,
    logged: 1,
    meet: place => plan(place, 'older'),
  },
  {
    name: 'a counter below the floor',
    code: 'release-below-floor',
    exit: 21,
    subject: /^quay\/bms-1, release bms 1\.7\.0$/,
    expected: /^a counter of at least 2$/,
    actual: /^1$/,
    logged: 1,
    meet: place => plan(place, 'floor'),
  },
  // Signatures and keys.
  {
    name: 'metadata that has expired',
    code: 'metadata-expired',
    exit: 20,
    subject: /^image: timestamp/,
    expected: /before 20\d\d-/,
    actual: /^20\d\d-/,
    meet: ({ world }) => voltseal(world, publish(world, world.at('bms-1.9.0.release')), { skew: 20 * DAY }),
  },
  {
    name: 'an envelope below its threshold of signatures',
    code: 'envelope-below-threshold',
    exit: 20,
    subject: /envelope/,
    expected: /2/,
    actual: /1/,
    meet: ({ world }) => {
      const keys = ['--key', world.at('keys', 'firmware.pub'), '--key', world.at('keys', 'release.pub')]
      return voltseal(world, ['verify', world.at('bms-1.9.0.release'), ...keys, '--threshold', '2'])
    },
  },
  {
    name: 'a plan below its threshold of approvals',
    code: 'campaign-not-approved',
    exit: 21,
    subject: /half/,
    expected: /./,
    actual: /./,
    logged: 1,
    meet: ({ world }) => voltseal(world, ['campaign', 'start', 'half']),
  },
  {
    name: 'an unknown key that publishes',
    code: 'signer-not-in-role',
    exit: 65,
    subject: /keys\/approver-0$/,
    expected: /^a key of the image repository: [0-9a-f]{64}$/,
    actual: HEX,
    meet: ({ world }) => voltseal(world, publish(world, world.at('bms-1.9.0.release'), 'approver-0')),
  },
  {
    name: 'an unknown key that approves',
    code: 'approval-key-unknown',
    exit: 20,
    subject: /^the approval of half by key [0-9a-f]{16}$/,
    expected: /^a key of the approvers$/,
    actual: /^another one$/,
    logged: 1,
    meet: ({ world }) =>
      voltseal(world, ['campaign', 'approve', 'half', '--key', world.at('keys', 'release')], {
        profile: world.profileOf('approver-0'),
      }),
  },
  {
    name: 'an unknown key that signed the firmware',
    code: 'envelope-signers-unknown',
    exit: 20,
    subject: /^bms\/1\.8\.0\/envelope\.suit: /,
    expected: /./,
    actual: /./,
    logged: 1,
    meet: ({ world }) => voltseal(world, publish(world, world.at('stranger.release'))),
  },
  // Changed bytes.
  {
    name: 'a changed byte in the manifest of an envelope',
    code: 'envelope-digest-mismatch',
    exit: 20,
    subject: /envelope|manifest/,
    expected: /./,
    actual: /./,
    meet: ({ world }) => voltseal(world, publish(world, changed(world, 'manifest', 'envelope.suit', -20))),
  },
  {
    name: 'a changed byte in the signature of an envelope',
    code: 'envelope-signature-invalid',
    exit: 20,
    subject: /^bms\/1\.9\.0\/envelope\.suit: /,
    expected: /./,
    actual: /./,
    logged: 1,
    meet: ({ world }) => voltseal(world, publish(world, changed(world, 'signature', 'envelope.suit', 150))),
  },
  {
    name: 'a changed byte in the payload',
    code: 'image-digest-mismatch',
    exit: 20,
    subject: /^image of bms 1\.9\.0$/,
    expected: HEX,
    actual: HEX,
    meet: ({ world }) => voltseal(world, publish(world, changed(world, 'payload', 'payload.bin', 20_000))),
  },
]
