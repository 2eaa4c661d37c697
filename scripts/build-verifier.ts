import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bundle, root } from './bundle.ts'
import { supplyBytes } from './older-runtimes.ts'

/**
 * `npm run build:verifier [FOLDER]`: the offline verifier that every evidence pack carries, as one page and one script, each with
 * everything in it. The page may load nothing and may run nothing but its own script, which its policy names by its hash.
 */

const shared = {
  target: 'es2024',
  banner: `(${supplyBytes})();`,
  // Nothing of the core does anything when it is read: what is not used of it is left out.
  treeshake: { moduleSideEffects: (id: string) => !id.includes('/src/core/') },
} as const
const bundlePage = () => bundle('console/verifier/page.ts', { ...shared, runs: 'page', minify: true })
const bundleScript = () => bundle('src/apps/verifier/verify.ts', { ...shared, runs: 'node' })

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64')

/** The page: its style and its script inside, and a policy that lets it do nothing else. */
function page(code: string): string {
  const folder = join(root, 'console', 'verifier')
  // A closing tag inside the script would end it early.
  const script = code.replaceAll('</script', '<\\/script')
  const style = readFileSync(join(folder, 'page.css'), 'utf8')
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${sha256(script)}'`,
    `style-src 'sha256-${sha256(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const parts: Readonly<Record<string, string>> = { policy, style, script }
  return readFileSync(join(folder, 'page.html'), 'utf8').replaceAll(
    /\/\*(\w+)\*\//g,
    (_, name: string) => parts[name] as string,
  )
}

/** Both files of the verifier, and the digests of what they were made of: whoever packs them sees whether they are of today. */
async function bundleVerifier(): Promise<{ page: string; script: string; sources: Record<string, string> }> {
  const [forPage, script] = [await bundlePage(), await bundleScript()]
  const sources = [...new Set([...forPage.sources, ...script.sources])].sort().map(path => {
    return [
      path,
      createHash('sha256')
        .update(readFileSync(join(root, path)))
        .digest('hex'),
    ] as const
  })
  return { page: page(forPage.code), script: script.code, sources: Object.fromEntries(sources) }
}

if (process.argv[1] === import.meta.filename) {
  const { writeWhole } = await import('../src/adapters/config-file.ts')
  const folder = resolve(process.argv[2] ?? join(root, 'dist', 'verifier'))
  const { page: html, script, sources } = await bundleVerifier()
  for (const [name, text] of [
    ['verify.html', html],
    ['verify.mjs', script],
    ['sources.json', `${JSON.stringify(sources, null, 2)}\n`],
  ] as const) {
    writeWhole(join(folder, name), text)
    process.stdout.write(`${join(folder, name)} ${(Buffer.byteLength(text) / 1024).toFixed(0)} KiB\n`)
  }
}
