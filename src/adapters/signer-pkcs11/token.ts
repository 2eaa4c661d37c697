import { type Pkcs11Uri, shownUri } from '../../core/encoding/pkcs11-uri.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { CKF, CKR, CKU, LOGGED_IN } from './constants.ts'
import { rvOf, tokenFault } from './fault.ts'
import {
  type Handle,
  type LoadLibrary,
  type OpenLibrary,
  openLibrary,
  type Pkcs11Library,
  type TokenInfo,
} from './library.ts'
import { type AskPin, readPinFile } from './pin.ts'

/** What opening a token needs of the world. */
export type TokenAccess = {
  readonly askPin: AskPin
  readonly load?: LoadLibrary
}

/** What a token says of itself. */
export type TokenName = {
  readonly label: string
  readonly manufacturer: string
  readonly model: string
  readonly serial: string
}

/** A token with a session in which the user is logged in. */
export type OpenToken = {
  readonly library: Pkcs11Library
  readonly slot: Handle
  readonly session: Handle
  /** How refusals call the reference: without module and PIN. */
  readonly shown: string
  readonly name: TokenName
  /** The PIN again, for keys that want it before each signature: asked for when the login was another key's. */
  readonly pinAgain: () => Promise<string | null>
  close(): void
}

/**
 * Opens the one token that a reference names, and logs in as its user. The PIN comes from the reference's file, or is
 * asked for. Refuses what `openLibrary` and `readPinFile` refuse, `token-missing`, `token-ambiguous`, `token-pin-needed`,
 * `token-pin-wrong`, `token-pin-last-try`, `token-pin-locked`, `token-removed`, `token-failed`.
 */
export async function openToken(uri: Pkcs11Uri, access: TokenAccess, write = false): Promise<OpenToken | Refusal> {
  const opened = openLibrary(uri.modulePath, access.load)
  if (isRefusal(opened)) return opened
  const token = await openIn(opened, uri, access, write)
  if (isRefusal(token)) opened.release()
  return token
}

/** The tokens of a module that fit a reference. Refuses what `openLibrary` refuses, and `token-failed`. */
export function listTokens(uri: Pkcs11Uri, { load }: Pick<TokenAccess, 'load'> = {}): TokenName[] | Refusal {
  const opened = openLibrary(uri.modulePath, load)
  if (isRefusal(opened)) return opened
  try {
    return fitting(opened.library, uri).map(({ info }) => nameOf(info))
  } catch (error) {
    return tokenFault(error, shownUri(uri))
  } finally {
    opened.release()
  }
}

async function openIn(
  { library, release }: OpenLibrary,
  uri: Pkcs11Uri,
  { askPin }: TokenAccess,
  write: boolean,
): Promise<OpenToken | Refusal> {
  const shown = shownUri(uri)
  let session: Handle | null = null
  try {
    const found = fitting(library, uri)
    const [one] = found
    if (one === undefined) return refuse('token-missing', shown, 'a token of that name in a slot', namesOf(library))
    if (found.length > 1) {
      const serials = found.map(({ info }) => `serial=${trimmed(info.serialNumber)}`).join(', ')
      return refuse('token-ambiguous', shown, 'one token', serials)
    }
    const { slot, info } = one
    session = library.C_OpenSession(slot, CKF.serialSession | (write ? CKF.rwSession : 0))
    const pin = await logIn(library, slot, session, info, uri, askPin)
    if (isRefusal(pin)) {
      quietly(() => library.C_CloseSession(session as Handle))
      return pin
    }
    const opened = session
    const close = (): void => {
      // The login ends with the last session (PKCS #11 3.1 §5.6.7).
      quietly(() => library.C_CloseSession(opened))
      release()
    }
    const pinAgain = async (): Promise<string | null> => pin ?? (await askPin(prompt(info)))
    return { library, slot, session, shown, name: nameOf(info), pinAgain, close }
  } catch (error) {
    if (session !== null) quietly(() => library.C_CloseSession(session as Handle))
    return tokenFault(error, shown)
  }
}

/** Logs the user in; answers the PIN, or null when a login of this process holds already. */
async function logIn(
  library: Pkcs11Library,
  slot: Handle,
  session: Handle,
  info: TokenInfo,
  uri: Pkcs11Uri,
  askPin: AskPin,
): Promise<string | null | Refusal> {
  const shown = shownUri(uri)
  if ((info.flags & CKF.loginRequired) === 0) return null
  const known = LOGGED_IN.includes(library.C_GetSessionInfo(session).state)
  if (known && uri.pinSource === undefined) return null
  const locked = (): Refusal => refuse('token-pin-locked', shown, 'a token whose PIN may be tried', 'a locked one')
  if ((info.flags & CKF.userPinLocked) !== 0) return locked()
  let pin: string | Refusal
  if (uri.pinSource === undefined) {
    pin = (await askPin(prompt(info))) ?? ''
    if (pin === '') {
      return refuse('token-pin-needed', shown, 'pin-source=file:/PATH, or a PIN typed at a terminal', 'neither')
    }
  } else {
    pin = readPinFile(uri.pinSource)
    if (isRefusal(pin) || known) return pin
    // A job that comes back every night with an old PIN must not be what locks the token.
    if ((info.flags & CKF.userPinFinalTry) !== 0) {
      return refuse('token-pin-last-try', shown, 'the PIN from a person', `the file ${uri.pinSource}`)
    }
  }
  try {
    library.C_Login(session, CKU.user, pin)
    return pin
  } catch (error) {
    const code = rvOf(error)?.code
    if (code === CKR.userAlreadyLoggedIn) return pin
    if (code === CKR.pinLocked) return locked()
    if (code === undefined || !WRONG_PIN.includes(code)) throw error
    return refuse('token-pin-wrong', shown, 'the PIN of the token', triesLeft(library.C_GetTokenInfo(slot).flags))
  }
}

const prompt = ({ label }: TokenInfo): string => `PIN of token ${trimmed(label)}: `

/** What a token answers to a PIN that is not its own. */
export const WRONG_PIN: readonly number[] = [CKR.pinIncorrect, CKR.pinInvalid, CKR.pinLenRange]

/** PKCS #11 gives no number: a token says that tries have become few, that one is left, or that none is. */
function triesLeft(flags: number): string {
  if ((flags & CKF.userPinLocked) !== 0) return 'another one, and the token is locked now'
  if ((flags & CKF.userPinFinalTry) !== 0) return 'another one; one try is left before the token locks itself'
  if ((flags & CKF.userPinCountLow) !== 0) return 'another one; wrong PINs are being counted'
  return 'another one'
}

function fitting(library: Pkcs11Library, uri: Pkcs11Uri): { slot: Handle; info: TokenInfo }[] {
  const found: { slot: Handle; info: TokenInfo }[] = []
  for (const slot of library.C_GetSlotList(true)) {
    const info = infoOf(library, slot)
    if (info === null) continue
    const { label, manufacturer, model, serial } = nameOf(info)
    const says = [label, manufacturer, model, serial]
    const wanted = [uri.token, uri.manufacturer, uri.model, uri.serial]
    if (uri.slotId !== undefined && numberOf(slot) !== uri.slotId) continue
    if (wanted.every((one, index) => one === undefined || one === says[index])) found.push({ slot, info })
  }
  return found
}

/** What an initialized token says of itself; null when the slot has none, or one that has just gone. */
function infoOf(library: Pkcs11Library, slot: Handle): TokenInfo | null {
  try {
    const info = library.C_GetTokenInfo(slot)
    return (info.flags & CKF.tokenInitialized) === 0 ? null : info
  } catch (error) {
    if (rvOf(error) === null) throw error
    return null
  }
}

function namesOf(library: Pkcs11Library): string {
  const labels = library
    .C_GetSlotList(true)
    .map(slot => infoOf(library, slot))
    .flatMap(info => (info === null ? [] : [trimmed(info.label)]))
  return labels.length === 0 ? 'no token at all' : labels.join(', ').slice(0, 120)
}

const nameOf = ({ label, manufacturerID, model, serialNumber }: TokenInfo): TokenName => ({
  label: trimmed(label),
  manufacturer: trimmed(manufacturerID),
  model: trimmed(model),
  serial: trimmed(serialNumber),
})

/** Names in a token are padded with blanks (PKCS #11 3.1 §3.2); some modules pad with zeros. */
const trimmed = (text: string): string => text.replace(/[ \0]+$/, '')

/** A CK_ULONG in the byte order of the machine. */
export function numberOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return bytes.length === 8 ? Number(view.getBigUint64(0, LITTLE)) : view.getUint32(0, LITTLE)
}

const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // A token that has gone cannot be closed either.
  }
}
