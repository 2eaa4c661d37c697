import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { PATCHES_FILE, PAYLOAD_FILE, readPatches } from '../../src/adapters/release-folder.ts'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { memoryOf, type PatchHeader, parseHeader } from '../../src/core/delta/patch.ts'
import { fromBase64 } from '../../src/core/encoding/bytes.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { patchName } from '../../src/core/trust/image-target.ts'
import { writePatchList } from '../../src/core/trust/patch-list.ts'
import { drawn, patchOf } from '../core/delta/images.ts'
import { commandLine } from '../worlds/command-line.ts'
import { memoryWrappingKey, wrapOf } from '../worlds/wrapping.ts'
import { AgentBench, BEHAVIOUR, script } from './bench.ts'

/** An application with so many bytes that are its own. */
const program = (version: string, own = 0): Uint8Array =>
  new TextEncoder().encode(`${script(version, BEHAVIOUR.works, 1500)}# ${drawn(own, own / 2).toHex()}\n`)
const digestOf = (image: Uint8Array): string => nodeCrypto.sha256(image).toHex()
const patchBetween = (old: Uint8Array, now: Uint8Array) => ({
  base: digestOf(old),
  bytes: patchOf({ old, now, architecture: 'none', load: 0, slotBits: 12 }),
})

const GOLDEN = new TextEncoder().encode(script('0.1.0'))
const FACTORY = program('1.0.0')
const NEXT = program('1.1.0')

type Told = { readonly [member: string]: unknown; readonly code?: string; readonly fix?: string }

/** Releases and patches on a stick, handed to an agent as it is run in production, by the command line. */
describe('a patch on a stick', () => {
  let bench: AgentBench
  const file = (name: string, bytes: Uint8Array): string => {
    writeFileSync(bench.at(name), bytes)
    return bench.at(name)
  }
  /** `voltseal agent stage`, and what it said. */
  const stage = async (...argv: string[]): Promise<Told> =>
    JSON.parse((await commandLine(['agent', 'stage', bench.folder, ...argv, '--json'])).out) as Told
  const withdraw = async () => orThrow(await bench.ask({ do: 'withdraw' }))
  const status = async () => orThrow(await bench.ask({ do: 'status' })) as { state: string }
  /** What lies in a slot. */
  const inFlash = (slot: 'a' | 'b'): string =>
    digestOf(new Uint8Array(readFileSync(join(agentFiles(bench.folder).flash, `${slot}.bin`))))

  before(async () => {
    bench = await AgentBench.make({ factory: { image: FACTORY } })
    bench.agent.start()
    await bench.agent.next('application-started')
  })
  after(() => bench.close())

  it('is taken in place of the images, and the controller restarts into what it makes', async () => {
    const wanted = await bench.maker.release({ version: '1.1.0', sequence: 3, image: NEXT })
    const { bytes } = patchBetween(FACTORY, NEXT)
    assert.ok(bytes.length < NEXT.length / 100)
    const ran = await commandLine(['agent', 'stage', bench.folder, wanted.folder, '--patch', file('1.1.patch', bytes)])
    assert.equal(ran.exit, 0, ran.err)
    assert.match(ran.out, /staged\s+1\.1\.0/)
    assert.match(ran.err, /100 %.*of the patch, \d+ bytes/)
    // Staging it once more is staging it.
    assert.deepEqual(await stage(wanted.folder, '--patch', bench.at('1.1.patch')), { staged: '1.1.0', slot: 'b' })
    const confirmed = bench.agent.next('confirmed')
    orThrow(await bench.ask({ do: 'arm' }))
    assert.equal((await confirmed).version, '1.1.0')
  })

  it('attack: what is of no use here is refused before the slot is touched that holds the way back', async () => {
    const image = program('1.3.0')
    const wanted = await bench.maker.release({ version: '1.3.0', sequence: 7, image })
    const before = inFlash('a')
    const good = patchBetween(NEXT, image).bytes
    const torn = good.slice(0, -20)
    const changed = good.slice()
    changed[good.length - 3] = changed[good.length - 3]! ^ 1
    const memory = memoryOf(parseHeader(good, 'it') as PatchHeader)
    const refusals: [name: string, bytes: Uint8Array, code: string, actual: RegExp][] = [
      ['torn', torn, 'patch-malformed', /./],
      ['cut in its header', good.slice(0, 50), 'patch-malformed', /50 bytes/],
      ['changed', changed, 'patch-altered', /./],
      ['of golden', patchBetween(GOLDEN, image).bytes, 'patch-base-differs', /^what runs here: 1\.1\.0, SHA-256 /],
      ['of another release', patchBetween(NEXT, FACTORY).bytes, 'patch-target-differs', /^a patch to SHA-256 /],
    ]
    for (const [name, bytes, code, actual] of refusals) {
      const refused = await stage(wanted.folder, '--patch', file('refused.patch', bytes))
      assert.equal(refused.code, code, `${name}: ${JSON.stringify(refused)}`)
      assert.match(String(refused.actual), actual, name)
      if (name === 'of golden') assert.equal(refused.expected, `0.1.0, SHA-256 ${digestOf(GOLDEN)}`)
    }
    for (const [patches, expected] of [
      [memory - 1, `at most ${memory - 1} bytes of memory`],
      ['off', 'patches in agent.yaml'],
    ] as const) {
      bench.configure({ patches })
      const refused = await stage(wanted.folder, '--patch', file('good.patch', good))
      assert.deepEqual([refused.code, refused.expected], ['patch-memory-refused', expected])
    }
    bench.configure({})
    assert.equal(inFlash('a'), before)
    assert.deepEqual(await stage(wanted.folder, '--patch', bench.at('good.patch')), { staged: '1.3.0', slot: 'a' })
    await withdraw()
  })

  it('of a release whose images are not on the stick is the one from what runs', async () => {
    const image = program('1.2.0')
    const patches = [patchBetween(FACTORY, image), patchBetween(NEXT, image)]
    const wanted = await bench.maker.release({ version: '1.2.0', sequence: 4, image, patches })
    rmSync(join(wanted.folder, PAYLOAD_FILE))
    assert.deepEqual(await stage(wanted.folder), { staged: '1.2.0', slot: 'a' })
    await withdraw()
    const nothing = new Uint8Array(0)
    const fresh = await bench.maker.release({
      version: '1.2.1',
      sequence: 5,
      image,
      patches: [patchBetween(FACTORY, image), patchBetween(nothing, image)],
    })
    rmSync(join(fresh.folder, PAYLOAD_FILE))
    assert.deepEqual(await stage(fresh.folder), { staged: '1.2.1', slot: 'a' }, 'else the one from nothing')
    await withdraw()
    const other = await bench.maker.release({ version: '1.2.2', sequence: 6, image, patches: patches.slice(0, 1) })
    rmSync(join(other.folder, PAYLOAD_FILE))
    const refused = await stage(other.folder)
    assert.deepEqual(
      [refused.code, refused.expected, refused.actual],
      ['patch-base-differs', `SHA-256 ${digestOf(FACTORY)}`, `what runs here: 1.1.0, SHA-256 ${digestOf(NEXT)}`],
    )
  })

  it('attack: one that says it is for another base, or in the clear of an encrypted release, makes nothing run', async () => {
    const holder = memoryWrappingKey()
    const image = program('1.4.0')
    const encrypt = { keys: [holder.spki], cipher: nodeCipher }
    const patches = [patchBetween(NEXT, image)]
    const secret = await bench.maker.release({ version: '1.4.0', sequence: 9, image, encrypt, patches })
    rmSync(join(secret.folder, PAYLOAD_FILE))
    const own = fromBase64(bench.request.decryption?.key ?? '') as Uint8Array
    const wrap = file('wrap', await wrapOf(secret, holder, own))
    const clear = file('clear.patch', patches[0]!.bytes)
    assert.equal((await stage(secret.folder, '--patch', clear, '--wrap', wrap)).code, 'patch-malformed')
    assert.equal((await stage(secret.folder)).code, 'wrap-missing')
    const [sealed] = orThrow(readPatches(secret.folder))
    const listed = join(secret.folder, patchName(digestOf(NEXT)))
    const untouched = inFlash('a')
    for (const [name, bytes] of [
      ['torn', sealed!.bytes.slice(0, -20)],
      ['cut in its head', sealed!.bytes.slice(0, 20)],
      ['in the clear', patches[0]!.bytes],
    ] as const) {
      writeFileSync(listed, bytes)
      assert.equal((await stage(secret.folder, '--wrap', wrap)).code, 'patch-malformed', name)
    }
    assert.equal(inFlash('a'), untouched)
    writeFileSync(listed, sealed!.bytes)
    assert.deepEqual(await stage(secret.folder, '--wrap', wrap), { staged: '1.4.0', slot: 'a' })
    await withdraw()
    // A list that lies: by another base, another key.
    const lied = await bench.maker.release({
      version: '1.4.2',
      sequence: 13,
      image,
      encrypt,
      patches: [patchBetween(FACTORY, image)],
    })
    rmSync(join(lied.folder, PAYLOAD_FILE))
    const [one] = orThrow(readPatches(lied.folder))
    writeFileSync(join(lied.folder, PATCHES_FILE), writePatchList([{ ...one!, base: digestOf(NEXT) }]))
    writeFileSync(join(lied.folder, patchName(digestOf(NEXT))), one!.bytes)
    const lie = await stage(lied.folder, '--wrap', file('wrap', await wrapOf(lied, holder, own)))
    assert.equal(lie.code, 'payload-segment-refused')
    // The agent believes nobody's command line.
    const { base, bytes } = patches[0]!
    const patch = { base, memory: 1 << 20, length: bytes.length, sha256: digestOf(bytes) }
    const { envelope } = secret
    const key = await wrapOf(secret, holder, own)
    const asked = { do: 'stage-by-patch', envelope, wrap: key, bytes } as const
    const before = inFlash('a')
    const inClear = await bench.ask({ ...asked, patch, target: digestOf(image) })
    assert.ok(isRefusal(inClear) && inClear.code === 'patch-malformed')
    assert.equal(inFlash('a'), before)
    const plain = await bench.maker.release({ version: '1.4.1', sequence: 10, image })
    const wrong = patchBetween(FACTORY, image).bytes
    const lying = { ...patch, length: wrong.length }
    const refused = await bench.ask({ do: 'stage-by-patch', envelope: plain.envelope, bytes: wrong, patch: lying })
    assert.ok(isRefusal(refused) && refused.code === 'patch-base-differs')
    assert.equal((await status()).state, 'stable')
    const armed = await bench.ask({ do: 'arm' })
    assert.ok(isRefusal(armed) && armed.code === 'nothing-staged')
  })

  it('goes on in the middle when the agent was killed in the midst of it', async () => {
    const image = program('1.5.0', 100_000)
    const wanted = await bench.maker.release({ version: '1.5.0', sequence: 11, image })
    const { base, bytes } = patchBetween(NEXT, image)
    assert.ok(bytes.length > 40_000, `${bytes.length}`)
    const memory = memoryOf(parseHeader(bytes, 'it') as PatchHeader)
    const patch = { base, memory, length: bytes.length, sha256: digestOf(bytes) }
    const asked: number[] = []
    const ask = (tell: (done: number) => void) =>
      bench.ask({ do: 'stage-by-patch', envelope: wanted.envelope, bytes, patch, target: digestOf(image), tell })
    const cut = await ask(done => {
      // Both stages at once, as a loss of power does.
      if (done > 33_000) for (const pid of [bench.secondStage!, bench.agent.pid]) process.kill(pid, 'SIGKILL')
    })
    assert.ok(isRefusal(cut) && cut.code === 'agent-not-running')
    await bench.agent.kill()
    const again = bench.agent.next('application-started')
    bench.agent.start()
    assert.equal((await again).version, '1.1.0')
    assert.deepEqual(await ask(done => asked.push(done)), { staged: '1.5.0', slot: 'a' })
    const behindLeap = asked.findIndex((done, index) => index > 0 && done - asked[index - 1]! > 16 * 1024)
    assert.ok(behindLeap > 0, `from the journal: ${asked}`)
    const confirmed = bench.agent.next('confirmed')
    orThrow(await bench.ask({ do: 'arm' }))
    assert.equal((await confirmed).version, '1.5.0')
  })

  it('is none that its release lists, where it lists none', async () => {
    const wanted = await bench.maker.release({ version: '1.6.0', sequence: 12, image: program('1.6.0') })
    assert.deepEqual(orThrow(readPatches(wanted.folder)), [])
    rmSync(join(wanted.folder, PAYLOAD_FILE))
    assert.equal((await stage(wanted.folder)).code, 'file-missing')
  })
})
