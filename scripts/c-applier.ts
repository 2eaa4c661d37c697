import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'

/** The applier of patches in C, and the program around it for tests and measurements. */
export const PORT = join(import.meta.dirname, '..', 'ports', 'c')

/** Whatever a compiler has to say is an error. */
const STRICT = ['-std=c99', '-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow', '-Werror']

/** Builds the program; throws what the compiler says when it says anything. `libraries` stand behind the sources. */
export function buildApplier(
  compiler: string,
  program: string,
  flags: readonly string[],
  libraries: readonly string[] = [],
): void {
  const sources = ['*.c', 'test/*.c'].flatMap(pattern => globSync(pattern, { cwd: PORT })).toSorted()
  compile(compiler, [...flags, '-o', program, ...sources, ...libraries])
}

/** Builds the program to be measured: with the SHA-256 of OpenSSL where that can be linked, which a device has in hardware. Answers whether. */
export function buildFastApplier(compiler: string, program: string): boolean {
  try {
    buildApplier(compiler, program, ['-O2', '-DVOLTSEAL_TEST_OPENSSL'], ['-l:libcrypto.a'])
    return true
  } catch {
    buildApplier(compiler, program, ['-O2'])
    return false
  }
}

/** Runs a compiler where the sources are; throws what it says when it says anything. */
export function compile(compiler: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(compiler, [...STRICT, ...args], { cwd: PORT, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${compiler} ended with ${status}: ${error?.message ?? stderr}`)
}
