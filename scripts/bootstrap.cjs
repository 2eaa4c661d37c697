// Makes a fresh clone runnable: installs the pinned dependencies (the Node.js of this project among them) when they
// are missing or older than the lock file. With --built it also builds, when their sources have
// changed, the web console and the verifier that goes into evidence packs.
// Plain JavaScript that any Node.js from 18 up can run, because it runs first.
'use strict'
const { createHash } = require('node:crypto')
const { execFileSync } = require('node:child_process')
const { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } = require('node:fs')
const { delimiter, dirname, join } = require('node:path')

const root = join(__dirname, '..')
const stamp = join(root, 'node_modules', '.voltseal-stamp')
const lock = join(root, '.bootstrap.lock')
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')
const installed = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted

/** Two commands at once on a fresh clone install once: the second waits for the first (at most ten minutes). */
function withLock(work) {
  for (let waited = 0; ; waited += 1) {
    try {
      mkdirSync(lock)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      const stale = Date.now() - statSync(lock, { throwIfNoEntry: false })?.mtimeMs > 600_000
      if (stale) rmSync(lock, { recursive: true, force: true })
      else if (waited === 0) process.stderr.write('Another install is running in this folder; waiting for it.\n')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    }
  }
  try {
    work()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

/**
 * One package is built here, against the headers of a Node.js: of any, since they promise the same for all (Node-API).
 * When some lie on this machine, nothing has to be fetched for that. A machine where it cannot be built goes without.
 */
function headers() {
  const folders = [process.execPath, ...(process.env.PATH || '').split(delimiter).map(folder => join(folder, 'node'))]
  const prefixes = folders.map(path => dirname(dirname(path)))
  const prefix = prefixes.find(path => existsSync(join(path, 'include', 'node', 'node_api.h')))
  return prefix === undefined ? {} : { npm_config_nodedir: prefix }
}

function install() {
  if (installed()) return
  process.stderr.write('Installing the pinned Node.js and dependencies (once, about half a minute) ...\n')
  const npm = process.env.npm_execpath
  const [command, ...args] = npm ? [process.execPath, npm] : ['npm']
  try {
    execFileSync(command, [...args, 'ci', '--loglevel=error', '--no-audit', '--no-fund', '--no-progress'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      env: { ...headers(), ...process.env },
    })
  } catch (error) {
    process.stderr.write(
      `\nThe dependencies could not be installed (npm ci ended with ${error.status ?? error.message}).\n` +
        'What to do: check that this machine reaches your npm registry (npm ping) and that this folder is writable,\n' +
        'then run the same command again.\n',
    )
    process.exit(69)
  }
  writeFileSync(stamp, wanted)
}

// --- What is built ---

/** Each with what it is built of (beside the packages), its script, where it goes, and what goes on without it. */
const BUILDS = [
  {
    name: 'console',
    of: ['console', 'src/core', 'src/wire', 'scripts/build-console.ts'],
    to: join('console', 'dist'),
    without: 'the server then says that it is not there',
  },
  {
    name: 'verifier',
    of: [
      ...['console/verifier', 'console/crypto-browser.ts', 'src/core', 'src/adapters', 'src/apps/verifier'],
      ...['scripts/build-verifier.ts', 'scripts/bundle.ts', 'scripts/older-runtimes.ts'],
    ],
    to: join('dist', 'verifier'),
    without: 'evidence packs cannot be exported then',
  },
].map(build => ({ ...build, stamp: join(root, build.to, '.stamp'), sources: '' }))

/** The digest of what something is built of. What was built is no source. */
function sourcesOf({ of }) {
  const built = BUILDS.map(({ to }) => join(root, to))
  const hash = createHash('sha256').update(wanted)
  const take = path => {
    if (built.includes(path)) return
    if (statSync(path).isFile()) hash.update(path.slice(root.length)).update(readFileSync(path))
    else for (const name of readdirSync(path).sort()) take(join(path, name))
  }
  for (const path of of) take(join(root, path))
  return hash.digest('hex')
}

const isBuilt = ({ stamp, sources }) => existsSync(stamp) && readFileSync(stamp, 'utf8') === sources

/** What cannot be built stops nobody. */
function build(one) {
  if (isBuilt(one)) return
  const { name, without, stamp, sources } = one
  const node = join(root, 'node_modules', '.bin', 'node')
  try {
    execFileSync(node, [join(root, 'scripts', `build-${name}.ts`)], { cwd: root, stdio: ['ignore', 'ignore', 2] })
    writeFileSync(stamp, sources)
  } catch (error) {
    process.stderr.write(
      `The ${name} could not be built (${error.status ?? error.message}): ${without}. npm run build:${name} says why.\n`,
    )
  }
}

const builds = process.argv.includes('--built') ? BUILDS : []
for (const one of builds) one.sources = sourcesOf(one)
if (!installed() || !builds.every(isBuilt)) {
  // Ctrl-C while this works must not leave the lock behind.
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      rmSync(lock, { recursive: true, force: true })
      process.exit(130)
    })
  }
  withLock(() => {
    install()
    for (const one of builds) build(one)
  })
}
