import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { softhsmModule } from '../../scripts/needs.ts'
import { CKF, CKU } from '../../src/adapters/signer-pkcs11/constants.ts'
import type { Attribute, Handle, Pkcs11Library } from '../../src/adapters/signer-pkcs11/library.ts'

/** The user's PIN of every token of the tests: nothing else in them has these digits. */
export const PIN = '271828182'

/** More of a module than Voltseal uses, to put things into a token that it never would. */
type Workshop = Pkcs11Library & { C_CreateObject(session: Handle, template: readonly Attribute[]): Handle }

/**
 * A real token of SoftHSM 2 in a temporary folder, with nothing on the system outside of it. The module reads where it is
 * from the environment when it is initialized: `use` sets that, `end` sets it back.
 */
export class SoftToken {
  readonly folder: string
  readonly module: string
  readonly pinFile: string
  readonly #environment = process.env.SOFTHSM2_CONF

  constructor(labels: readonly string[] = ['Release']) {
    const module = softhsmModule()
    assert.ok(module !== null, 'SoftHSM 2 is not installed: npm test says how to get it')
    this.module = module
    this.folder = mkdtempSync(join(tmpdir(), 'voltseal-token-'))
    mkdirSync(this.tokens)
    writeFileSync(
      this.config,
      `directories.tokendir = ${this.tokens}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n`,
    )
    this.pinFile = join(this.folder, 'pin')
    writeFileSync(this.pinFile, `${PIN}\n`, { mode: 0o600 })
    for (const label of labels) {
      const args = ['--init-token', '--free', '--label', label, '--so-pin', '31415926', '--pin', PIN]
      execFileSync('softhsm2-util', args, { env: { ...process.env, SOFTHSM2_CONF: this.config }, stdio: 'ignore' })
    }
  }

  get tokens(): string {
    return join(this.folder, 'tokens')
  }
  get config(): string {
    return join(this.folder, 'softhsm2.conf')
  }

  use(): void {
    process.env.SOFTHSM2_CONF = this.config
  }

  end(): void {
    if (this.#environment === undefined) delete process.env.SOFTHSM2_CONF
    else process.env.SOFTHSM2_CONF = this.#environment
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** A reference to a key of the token. `path` is put as it is; the PIN comes from the token's file unless that is null. */
  uri(path: string, pinFile: string | null = this.pinFile): string {
    const pin = pinFile === null ? '' : `&pin-source=file:${pinFile}`
    return `pkcs11:${path}?module-path=${this.module}${pin}`
  }

  /** Takes the token out of its slot, and puts it back. */
  unplug(): void {
    renameSync(this.tokens, `${this.tokens}-away`)
    mkdirSync(this.tokens)
  }
  plug(): void {
    rmSync(this.tokens, { recursive: true })
    renameSync(`${this.tokens}-away`, this.tokens)
  }

  /** Works in the token directly, logged in, as the tools of its maker would. */
  inside<T>(work: (library: Workshop, session: Handle) => T): T {
    const library = realLibrary(this.module) as Workshop
    library.C_Initialize({ flags: CKF.osLocking })
    try {
      const slot = library.C_GetSlotList(true)[0] as Handle
      const session = library.C_OpenSession(slot, CKF.serialSession | CKF.rwSession)
      library.C_Login(session, CKU.user, PIN)
      return work(library, session)
    } finally {
      library.C_Finalize()
    }
  }
}

const libraries = new Map<string, Pkcs11Library>()

/** The module itself, not initialized: for tests that put something between it and Voltseal. */
export function realLibrary(path: string): Pkcs11Library {
  let library = libraries.get(path)
  if (library === undefined) {
    const { PKCS11 } = createRequire(import.meta.url)('pkcs11js')
    library = new PKCS11() as Pkcs11Library
    ;(library as unknown as { load(path: string): void }).load(path)
    libraries.set(path, library)
  }
  return library
}

/** The module with some of its functions replaced: a token that does not do as it should. */
export function bent(path: string, faults: Partial<Pkcs11Library>): Pkcs11Library {
  const real = realLibrary(path)
  return new Proxy(real, {
    get: (target, name) => {
      const own = (faults as Record<string | symbol, unknown>)[name]
      if (own !== undefined) return own
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** What a module throws when it answers something else than CKR_OK. */
export const answers = (name: string, code: number): never => {
  throw Object.assign(new Error(name), { code })
}
