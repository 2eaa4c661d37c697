import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build, type Rolldown } from 'vite'

/** The folder of the project. */
export const root = join(import.meta.dirname, '..')

/** `page`: for a browser, as one script. `node`: for Node.js, whose own modules stay imports. */
export type Bundling = {
  readonly runs: 'page' | 'node'
  readonly target: 'es2024' | 'esnext'
  readonly minify?: boolean
  /** Code that stands before all other. */
  readonly banner?: string
  readonly treeshake?: Rolldown.InputOptions['treeshake']
}

/** The code, and the files of this project that it was made of, by their paths from its folder. */
export type Bundle = { readonly code: string; readonly sources: readonly string[] }

/** Bundles one entry into one file of code with everything in it: where it runs there is no node_modules beside it. */
export async function bundle(
  entry: string,
  { runs, target, minify = false, banner = '', treeshake }: Bundling,
): Promise<Bundle> {
  const input = join(root, entry)
  const onNode = runs === 'node'
  const built = await build({
    root,
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: 'error',
    ...(onNode ? { ssr: { noExternal: true, target: 'node' as const } } : {}),
    build: {
      ...(onNode ? { ssr: input } : {}),
      write: false,
      target,
      minify,
      modulePreload: false,
      rolldownOptions: {
        ...(onNode ? {} : { input }),
        output: { format: onNode ? 'es' : 'iife', codeSplitting: false, banner },
        ...(treeshake === undefined ? {} : { treeshake }),
      },
    },
  })
  const outputs = [built].flat().flatMap(one => ('output' in one ? one.output : []))
  const [chunk, ...more] = outputs
  if (chunk?.type !== 'chunk' || more.length > 0) throw new Error(`the bundle is ${outputs.length} files, not one`)
  const foreign = chunk.imports.filter(name => !name.startsWith('node:'))
  if (foreign.length > 0) throw new Error(`the bundle still imports ${foreign.join(', ')}`)
  const paths = chunk.moduleIds.filter(id => existsSync(id)).map(id => relative(root, id))
  return { code: chunk.code, sources: paths.filter(path => !/^(?:\.\.|node_modules)/.test(path)) }
}
