import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, it } from 'node:test'
import { Children, ServerDied } from '../../../sim/doors/demo/children.ts'

const house = join(import.meta.dirname, '../../..')
const root = mkdtempSync(join(tmpdir(), 'voltseal-children-'))

/** A program that the children run, written for one test. */
function program(name: string, source: string): string {
  const path = join(root, name)
  writeFileSync(path, source)
  return relative(house, path)
}

const lives = (id: number): boolean => {
  try {
    process.kill(id, 0)
    return true
  } catch {
    return false
  }
}

const SERVER = program(
  'server.mjs',
  `process.stdout.write(JSON.stringify({ ready: true }) + '\\n')
   process.stdout.write(JSON.stringify({ id: process.pid }) + '\\n')
   process.stdin.on('data', () => { process.stderr.write('asked to fail\\n', () => process.exit(7)) })
   setInterval(() => {}, 1000)`,
)
const STUBBORN = program('stubborn.mjs', `process.on('SIGINT', () => {}); ${'process.stdin.resume()'}`)

describe('the demo’s children', () => {
  after(() => rmSync(root, { recursive: true, force: true }))

  it('runs a command to its end, and tells what it answered and said', async () => {
    const children = new Children(root)
    const said: string[] = []
    const command = program('command.mjs', `console.log(process.argv[2]); console.error('on its way'); process.exit(3)`)
    const ended = await children.run(command, ['answer'], line => said.push(line))
    assert.deepEqual(ended, { code: 3, stdout: 'answer\n', stderr: 'on its way\n' })
    assert.deepEqual(said, ['on its way'])
    await children.stop()
  })

  it('ends its servers when it is stopped, and reports none of them as dead', async () => {
    const children = new Children(root)
    const id = new Promise<number>(resolve => {
      void children.serve('server', SERVER, [], value => resolve(Number(value.id)))
    })
    const server = await id
    const unfinished = children.run(STUBBORN, [])
    const refused = assert.rejects(unfinished, /stopped/)
    await children.stop()
    await refused
    assert.ok(!lives(server))
  })

  it('reports a server that dies, with the end of its log', async () => {
    const children = new Children(root)
    const server = await children.serve('fragile', SERVER, [])
    server.write('fail')
    await assert.rejects(children.died, (error: Error) => {
      assert.ok(error instanceof ServerDied)
      assert.match(error.message, /^fragile ended with exit code 7\..*\nasked to fail$/s)
      return true
    })
    const never = program('never.mjs', `console.error('no port'); process.exit(69)`)
    await assert.rejects(children.serve('never', never, []), /exit code 69.*no port/s)
    await children.stop()
  })

  it('leaves no child when it is killed itself', async () => {
    // The child holds a line to this test: it breaks when the child is gone, whoever reaps it.
    const line = createServer().listen(0, '127.0.0.1')
    await once(line, 'listening')
    const { port } = line.address() as AddressInfo
    const held = program(
      'held.mjs',
      `import { connect } from 'node:net'
       connect(${port}, '127.0.0.1', () => console.log('{"ready":true}'))`,
    )
    const parent = program(
      'parent.mjs',
      `import { Children } from ${JSON.stringify(join(house, 'sim/doors/demo/children.ts'))}
       await new Children(${JSON.stringify(root)}).serve('held', ${JSON.stringify(held)}, [])
       console.log('serves')
       setInterval(() => {}, 1000)`,
    )
    const connected = once(line, 'connection')
    const demo: ChildProcess = spawn(process.execPath, [join(house, parent)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [socket] = (await connected) as [Socket]
    await once(createInterface({ input: demo.stdout! }), 'line')
    socket.resume().on('error', () => {})
    const gone = once(socket, 'close')
    demo.kill('SIGKILL')
    await gone
    line.close()
  })
})
