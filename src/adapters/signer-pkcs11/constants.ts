/** The numbers of PKCS #11 that are used here (OASIS PKCS #11 Specification 3.1, header pkcs11t.h). */

export const CKF = {
  rwSession: 0x2,
  serialSession: 0x4,
  osLocking: 0x2,
  loginRequired: 0x4,
  tokenInitialized: 0x400,
  userPinCountLow: 0x10000,
  userPinFinalTry: 0x20000,
  userPinLocked: 0x40000,
} as const

export const CKU = { user: 1, contextSpecific: 2 } as const

/** States of a session in which the user is logged in: read-only, and read-write. */
export const LOGGED_IN: readonly number[] = [1, 3]

export const CKO = { certificate: 1, publicKey: 2, privateKey: 3 } as const

export const CKK = { rsa: 0x0, ec: 0x3, edwards: 0x40 } as const

export const CKA = {
  class: 0x0,
  token: 0x1,
  private: 0x2,
  label: 0x3,
  value: 0x11,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  sign: 0x108,
  verify: 0x10a,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  extractable: 0x162,
  neverExtractable: 0x164,
  alwaysSensitive: 0x165,
  ecParams: 0x180,
  ecPoint: 0x181,
  alwaysAuthenticate: 0x202,
} as const

export const CKM = {
  rsaKeyPairGen: 0x0,
  rsaPss: 0xd,
  sha256: 0x250,
  ecKeyPairGen: 0x1040,
  ecdsa: 0x1041,
  edwardsKeyPairGen: 0x1055,
  eddsa: 0x1057,
} as const

/** MGF1 with SHA-256, and the number by which pkcs11js tells parameters of RSA-PSS from others. */
export const MGF1_SHA256 = 0x2
export const PSS_PARAMETERS = 5

export const CKR = {
  deviceError: 0x30,
  deviceRemoved: 0x32,
  keyHandleInvalid: 0x60,
  mechanismInvalid: 0x70,
  objectHandleInvalid: 0x82,
  pinIncorrect: 0xa0,
  pinInvalid: 0xa1,
  pinLenRange: 0xa2,
  pinLocked: 0xa4,
  sessionClosed: 0xb0,
  sessionHandleInvalid: 0xb3,
  tokenNotPresent: 0xe0,
  tokenNotRecognized: 0xe1,
  userAlreadyLoggedIn: 0x100,
  userNotLoggedIn: 0x101,
  cryptokiNotInitialized: 0x190,
  cryptokiAlreadyInitialized: 0x191,
} as const
