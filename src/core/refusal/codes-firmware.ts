import type { CodeTable } from './code.ts'

const data = { exit: 65, status: 422, action: 'refuse' } as const
const trust = { exit: 20, status: 422, action: 'refuse' } as const
const policy = { exit: 21, status: 409, action: 'refuse' } as const

export const firmwareCodes = {
  // Facts of a release, as its engineer writes them and as a manifest carries them.
  'version-malformed': {
    ...data,
    title: 'the version is not a semantic version',
    fix: 'Write three numbers joined by dots, with an optional pre-release: 2.3.0 or 2.3.0-rc.1. Leave out a leading "v" and build metadata.',
  },
  'release-fact-invalid': {
    ...data,
    title: 'a fact of the release is missing or out of bounds',
    fix: 'Correct the named value and create the release again.',
  },
  'image-empty': {
    ...data,
    title: 'the image has no bytes',
    fix: 'Check that the build produced an image and that the path names it.',
  },
  'image-too-large': {
    ...data,
    title: 'the image is larger than any release may be',
    fix: 'Check that the path names the firmware image and not an archive or a whole flash dump.',
  },
  'image-digest-mismatch': {
    ...trust,
    title: 'the image is not the one that the manifest names',
    fix: 'Fetch the image again. If it still differs, the image was changed after the release was made: do not install it, and tell the release engineer.',
  },
  'image-size-mismatch': {
    ...trust,
    title: 'the image does not have the length that the manifest names',
    fix: 'Fetch the image again: it is cut short or has bytes added. If it still differs, do not install it, and tell the release engineer.',
  },

  // An image for MCUboot, as a payload.
  'mcuboot-fact-invalid': {
    ...data,
    title: 'there is no way to write this in the form of MCUboot',
    fix: 'Correct the named value and create the release again.',
  },
  'mcuboot-malformed': {
    ...data,
    title: 'the image begins like one for MCUboot and is none',
    fix: 'Check what the build left. With --format mcuboot the plain image is given, without header and TLVs.',
  },
  'mcuboot-disagrees': {
    ...trust,
    title: 'the release and the MCUboot image in it say different things',
    fix: 'Do not install it. Create the release again with --format mcuboot, which writes both from the same facts.',
  },
  'mcuboot-hash-mismatch': {
    ...trust,
    title: 'the MCUboot image is not the one that its hash names',
    fix: 'Do not install it: it was changed after it was made.',
  },
  'mcuboot-unsigned': {
    ...trust,
    title: 'the MCUboot image has no signature by this key',
    fix: 'Check which key the boot loaders of this class were built with, and give that one.',
  },
  'mcuboot-signature-invalid': {
    ...trust,
    title: 'the signature of the MCUboot image does not hold',
    fix: 'Do not install it: it was changed, or signed by another key under this name.',
  },

  // The envelope.
  'envelope-too-large': {
    ...data,
    title: 'the envelope is larger than is read',
    fix: 'Check that the file is an envelope and not the image: the image travels beside it.',
  },
  'envelope-malformed': {
    ...data,
    title: 'the envelope is not a SUIT envelope of this format',
    fix: 'Check that the file is an envelope made by "voltseal release create", and fetch it again.',
  },
  'envelope-ambiguous': {
    ...trust,
    title: 'the envelope is encoded in a way that two readers could read differently',
    fix: 'Do not use it. Release tools write deterministic CBOR, without repeated keys: ask the release engineer where this envelope comes from.',
  },
  'envelope-member-not-allowed': {
    ...trust,
    title: 'the envelope has a member that is not on the allowlist',
    fix: 'Create the envelope with "voltseal release create". Integrated payloads, delegation and severed members are not accepted.',
  },
  'envelope-digest-mismatch': {
    ...trust,
    title: 'the envelope names another manifest than it carries',
    fix: 'Fetch the envelope again. If it still differs, it was changed on the way: do not use it, and tell the release engineer.',
  },
  'envelope-unsigned': {
    ...trust,
    title: 'the envelope has no signature',
    fix: 'Sign the release with "voltseal sign" and the key of its product line.',
  },
  'envelope-signers-unknown': {
    ...trust,
    title: 'the envelope is signed only by keys that are not trusted here',
    fix: 'Check that the release was signed with the key of this product line. On a device, check that its trust anchors belong to this vendor.',
  },
  'envelope-signature-invalid': {
    ...trust,
    title: 'a signature does not hold',
    fix: 'Do not use the envelope: it, or its signature, was changed after signing. Fetch it again, and tell the release engineer if that does not help.',
  },
  'envelope-below-threshold': {
    ...trust,
    title: 'too few of the trusted keys have signed the envelope',
    fix: 'Have the missing signers sign the same envelope, each with a key of their own.',
  },
  'envelope-signature-repeated': {
    ...trust,
    title: 'the envelope has two signatures by one key',
    fix: 'Have another signer sign: a second signature by the same key counts for nothing.',
  },
  'signature-malformed': {
    ...trust,
    title: 'the signature is not a detached COSE_Sign1',
    fix: 'Sign the release again with "voltseal sign".',
  },
  'signature-header-not-allowed': {
    ...trust,
    title: 'the signature has a header that is not on the allowlist',
    fix: 'Sign the release again with "voltseal sign": only the algorithm and the key id are accepted, in the protected header.',
  },
  'signature-algorithm-unknown': {
    ...trust,
    title: 'the signature algorithm is not accepted',
    fix: 'Sign with an ECDSA P-256 or P-384, an Ed25519 or an ML-DSA-65 key.',
  },

  'envelope-already-signed': {
    exit: 73,
    status: 409,
    action: 'refuse',
    title: 'the envelope already has a signature by this key',
    fix: 'Nothing is left to do for this signer. If another signature is missing, have its own signer make it.',
  },
  'envelope-signatures-full': {
    exit: 73,
    status: 409,
    action: 'refuse',
    title: 'the envelope has no room for another signature',
    fix: 'Check which signatures it has with "voltseal release inspect". Create the release again if some are not wanted.',
  },
  'signer-faulty': {
    exit: 74,
    status: 502,
    action: 'retry',
    title: 'the signer answered with a signature that does not hold',
    fix: 'Try again. If it happens again, the key or its token is damaged: stop using it, and call the person who keeps it.',
  },
  'release-exists': {
    exit: 73,
    status: 409,
    action: 'refuse',
    title: 'a release of that name exists already',
    fix: 'Choose another name, or remove the old release yourself if nobody needs it.',
  },
  'release-not-written': {
    exit: 74,
    status: 507,
    action: 'retry',
    title: 'the release could not be written',
    fix: 'Check that the folder exists, may be written to and has space, and try again. Nothing partial was left under the name.',
  },

  // The manifest inside.
  'manifest-malformed': {
    ...data,
    title: 'the manifest does not have the form of a Voltseal manifest',
    fix: 'Create the release again with "voltseal release create", and sign what that wrote.',
  },
  'manifest-ambiguous': {
    ...trust,
    title: 'the manifest is encoded in a way that two readers could read differently',
    fix: 'Do not use it. Create the release again with "voltseal release create": it writes deterministic CBOR.',
  },
  'manifest-member-not-allowed': {
    ...trust,
    title: 'the manifest has a member that is not on the allowlist',
    fix: 'Create the release again with "voltseal release create", or update the verifier if the release needs a newer one.',
  },
  'manifest-command-not-allowed': {
    ...trust,
    title: 'the manifest has a command that is not on the allowlist',
    fix: 'Create the release again with "voltseal release create", or update the verifier if the release needs a newer one.',
  },
  'manifest-parameter-not-allowed': {
    ...trust,
    title: 'the manifest sets a parameter that is not on the allowlist there',
    fix: 'Create the release again with "voltseal release create", or update the verifier if the release needs a newer one.',
  },
  'manifest-parameter-repeated': {
    ...trust,
    title: 'the manifest sets a parameter twice',
    fix: 'Do not use it: a value that is checked and then replaced was never checked. Create the release again.',
  },
  'manifest-steps-wrong': {
    ...trust,
    title: 'the manifest leaves out, adds or reorders steps',
    fix: 'Do not use it: a check may be missing. Create the release again with "voltseal release create".',
  },
  'manifest-contradicts-itself': {
    ...trust,
    title: 'the manifest carries an identifier that does not follow from its own facts',
    fix: 'Create the release again with "voltseal release create".',
  },

  // May this release run here?
  'release-wrong-vendor': {
    ...policy,
    title: 'the release is for controllers of another vendor',
    fix: 'Choose a release of the vendor that made this controller.',
  },
  'release-wrong-class': {
    ...policy,
    title: 'the release is for another class of controller',
    fix: 'Choose a release of the class that this controller has.',
  },
  'release-wrong-hardware': {
    ...policy,
    title: 'the release does not run on this hardware revision',
    fix: 'Choose a release that lists this hardware revision.',
  },
  'release-wrong-components': {
    ...policy,
    title: 'the images of the release are not those of the controller',
    fix: 'Make the release with the components of this class, in the order of the class: release create --component and --also.',
  },
  'release-larger-than-slot': {
    ...policy,
    title: 'the image is larger than the slot',
    fix: 'Choose a release that fits the flash of this controller.',
  },
  'release-below-floor': {
    ...policy,
    title: 'the release is below the security floor of the controller',
    fix: 'Choose a release with a security counter at or above the floor. The floor cannot be lowered.',
  },
  'release-not-newer': {
    ...policy,
    title: 'the release is not newer than what is installed',
    fix: 'Choose a newer release. To go back, publish the older code as a new version.',
  },
  'release-bootloader-unsuited': {
    ...policy,
    title: 'the bootloader of the controller cannot run this release',
    fix: 'Update the bootloader first, or choose a release for this bootloader.',
  },
  'release-dependency-unmet': {
    ...policy,
    title: 'another controller runs a version that this release does not work with',
    fix: 'Update the named class first, in an earlier wave or campaign.',
  },
  'release-dependency-unknown': {
    ...policy,
    action: 'retry',
    title: 'nobody knows what another controller runs that this release must work with',
    fix: 'Wait for its first signed report, or look at why the site does not reach it.',
  },
  'release-metadata-disagrees': {
    ...trust,
    title: 'the repository and the signed manifest disagree about the release',
    fix: 'Do not install it. Publish the release again: one of the two was made for another image.',
  },
} as const satisfies CodeTable
