import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { CKF, CKR } from './constants.ts'
import { rvOf } from './fault.ts'

/** A handle of a slot, a session or an object: opaque bytes. */
export type Handle = Buffer
export type Attribute = { readonly type: number; readonly value?: Buffer | boolean | number | string }
export type Mechanism = { readonly mechanism: number; readonly parameter?: object }
export type TokenInfo = {
  readonly label: string
  readonly manufacturerID: string
  readonly model: string
  readonly serialNumber: string
  readonly flags: number
}

/**
 * What is used of a PKCS #11 module, in the words of pkcs11js. Every call throws an error that `rvOf` reads. Calls are
 * synchronous: a signature's three calls are never mixed with those of another.
 */
export interface Pkcs11Library {
  C_Initialize(options: { readonly flags: number }): void
  C_Finalize(): void
  C_GetSlotList(tokenPresent: boolean): Handle[]
  C_GetTokenInfo(slot: Handle): TokenInfo
  C_GetMechanismList(slot: Handle): number[]
  C_OpenSession(slot: Handle, flags: number): Handle
  C_CloseSession(session: Handle): void
  C_GetSessionInfo(session: Handle): { readonly state: number }
  C_Login(session: Handle, user: number, pin: string): void
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void
  C_FindObjects(session: Handle, max: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_GetAttributeValue(session: Handle, object: Handle, template: readonly Attribute[]): { readonly value: Buffer }[]
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_Sign(session: Handle, data: Buffer, room: Buffer): Buffer
  C_GenerateKeyPair(
    session: Handle,
    mechanism: Mechanism,
    publicTemplate: readonly Attribute[],
    privateTemplate: readonly Attribute[],
  ): { readonly publicKey: Handle; readonly privateKey: Handle }
  C_DestroyObject(session: Handle, object: Handle): void
}

/** Loads a module by its path; throws what the loader of the system says. A test puts faults in between. */
export type LoadLibrary = (modulePath: string) => Pkcs11Library | Refusal

type Loaded = { readonly library: Pkcs11Library; users: number; initialized: boolean }

const loaded = new Map<string, Loaded>()

/** An initialized module. It is finalized when nobody uses it any more; it stays in memory. */
export type OpenLibrary = { readonly library: Pkcs11Library; release(): void }

/**
 * Opens a PKCS #11 module for use in this process: one initialization however many use it (PKCS #11 3.1 §5.4). Refuses
 * `pkcs11-module-missing`, `pkcs11-module-unusable`, `pkcs11-support-missing`.
 */
export function openLibrary(modulePath: string, load: LoadLibrary = loadLibrary): OpenLibrary | Refusal {
  let entry = loaded.get(modulePath)
  // A loader of a test is asked each time: what it puts in between is for that test alone.
  if (entry === undefined || load !== loadLibrary) {
    const library = load(modulePath)
    if (isRefusal(library)) return library
    entry = { library, users: 0, initialized: false }
    if (load === loadLibrary) loaded.set(modulePath, entry)
  }
  const { library } = entry
  const mine = entry
  if (mine.users === 0) {
    try {
      library.C_Initialize({ flags: CKF.osLocking })
      mine.initialized = true
    } catch (error) {
      // Another part of this process has done so, and finalizes it.
      const rv = rvOf(error)
      if (rv === null) throw error
      if (rv.code !== CKR.cryptokiAlreadyInitialized) {
        return refuse('pkcs11-module-unusable', modulePath, 'a module that can be initialized', rv.name)
      }
      mine.initialized = false
    }
  }
  mine.users += 1
  let open = true
  return {
    library,
    release: () => {
      if (!open) return
      open = false
      mine.users -= 1
      if (mine.users > 0 || !mine.initialized) return
      try {
        library.C_Finalize()
      } catch {
        // It is being put away: what it says then changes nothing.
      }
    },
  }
}

function loadLibrary(modulePath: string): Pkcs11Library | Refusal {
  const status = statSync(modulePath, { throwIfNoEntry: false })
  if (status?.isFile() !== true) {
    return refuse('pkcs11-module-missing', modulePath, 'a shared library', status ? 'something else' : 'none')
  }
  let support: { PKCS11: new () => Pkcs11Library & { load(path: string): void } }
  try {
    support = createRequire(import.meta.url)('pkcs11js')
  } catch (error) {
    const actual = (error as NodeJS.ErrnoException).code ?? 'it cannot be loaded'
    return refuse('pkcs11-support-missing', modulePath, 'the package pkcs11js', actual)
  }
  const library = new support.PKCS11()
  try {
    library.load(modulePath)
  } catch (error) {
    const said = (error as Error).message.split('\n')[0] ?? ''
    return refuse('pkcs11-module-unusable', modulePath, 'a PKCS #11 module for this machine', said.slice(0, 160))
  }
  return library
}
