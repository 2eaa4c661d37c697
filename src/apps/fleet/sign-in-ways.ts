import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { readText } from '../../adapters/config-file.ts'
import { openIdParty } from '../../adapters/openid/party.ts'
import { webauthnJudge } from '../../adapters/passkeys-webauthn.ts'
import { readPinFile } from '../../adapters/signer-pkcs11/pin.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { OpenIdIdentities } from '../../flows/openid-identities.ts'
import { PasskeyIdentities, type PasskeyPlace } from '../../flows/passkey-identities.ts'
import { Passkeys } from '../../flows/passkeys.ts'
import type { IdentityProvider, PasswordHash, Random } from '../../flows/people-ports.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { localIdentities } from '../../flows/sign-in.ts'
import type { OpenIdConfig } from '../../wire/sign-in-config.ts'
import { fleetFiles } from './files.ts'

/** A party that `fleet.yaml` names, with what its files hold. */
export type KnownParty = Omit<OpenIdConfig, 'secretFile' | 'ca'> & {
  readonly secret: string | null
  readonly ca: string | null
}

/**
 * The parties that vouch for people, with their files read. Refuses `config-malformed` for a name or an issuer that stands twice,
 * `secret-file-permissions` and `secret-file-malformed`, and files that cannot be read.
 */
export function knownParties(folder: string, openid: readonly OpenIdConfig[]): readonly KnownParty[] | Refusal {
  const parties: KnownParty[] = []
  for (const { secretFile, ca, ...one } of openid) {
    if (parties.some(({ name, issuer }) => name === one.name || issuer === one.issuer)) {
      const expected = 'signIn.openid with different names and issuers'
      return refuse('config-malformed', fleetFiles(folder).config, expected, one.name)
    }
    const secret = secretFile === undefined ? null : secretIn(resolve(folder, secretFile))
    if (isRefusal(secret)) return secret
    const authority = ca === undefined ? null : readText(resolve(folder, ca), 1 << 20)
    if (isRefusal(authority)) return authority
    parties.push({ ...one, secret, ca: authority })
  }
  return parties
}

/** A secret in a file that its owner alone may read. No refusal shows a part of it. */
function secretIn(path: string): string | Refusal {
  const read = readPinFile(path)
  if (!isRefusal(read)) return read
  const { code, expected, actual } = read
  if (code === 'pin-file-permissions') return refuse('secret-file-permissions', path, expected, actual)
  return code === 'pin-file-malformed'
    ? refuse('secret-file-malformed', path, 'one line with the secret', actual)
    : read
}

/** How people sign in at the doors of a server. */
export type SignInWays = {
  readonly providers: ReadonlyMap<string, IdentityProvider>
  readonly passkeys: Passkeys | null
  readonly returns: ReadonlyMap<string, string>
}

/** `origin`: the console's own, which passkeys are bound to and other parties send people back to. */
export function signInWays(
  world: FleetWorld,
  passwords: PasswordHash,
  random: Random,
  { origin, parties }: { readonly origin: string; readonly parties: readonly KnownParty[] },
): SignInWays {
  const place = passkeyPlace(origin)
  const others = parties.map(({ name, label, issuer, clientId, secret, ca }) => {
    const redirect = `${origin}/v1/sign-in/return/${name}`
    const party = openIdParty({ issuer, clientId, secret, ca, redirect })
    return new OpenIdIdentities(world, random, { issuer, label, party })
  })
  const all: IdentityProvider[] = [
    localIdentities(world, passwords),
    ...(place === null ? [] : [new PasskeyIdentities(world, random, webauthnJudge, place)]),
    ...others,
  ]
  return {
    providers: new Map(all.map(one => [one.name, one])),
    passkeys: place === null ? null : new Passkeys(world, random, webauthnJudge, place),
    returns: new Map(parties.map(({ name, issuer }) => [name, issuer])),
  }
}

/** Where passkeys are good; null at an address without a name: browsers bind them to names only (WebAuthn Level 3 §5.1.2). */
function passkeyPlace(origin: string): PasskeyPlace | null {
  const { hostname } = new URL(origin)
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? { origin, rpId: hostname } : null
}
