import type { Command } from 'commander'
import { refuse } from '../../../core/refusal/refusal.ts'
import { isRefusalCode, type RefusalCode, registry } from '../../../core/refusal/registry.ts'
import type { Cli, Work } from '../cli.ts'
import { listing, table } from '../table.ts'

export function addExplain(program: Command, cli: Cli): void {
  program
    .command('explain')
    .description('say what a refusal’s code means and what to do; without a code, list them all')
    .argument('[code]', 'a code such as envelope-unsigned')
    .action(cli.act((code?: string) => (code === undefined ? all(cli) : one(cli, code))))
}

const ACTION: Readonly<Record<string, string>> = {
  retry: 'the same may be tried again later',
  refuse: 'this is refused; everything else goes on',
  halt: 'the work stops until a person has looked',
}

function one(cli: Cli, word: string): Work {
  const code = word.trim().toLowerCase()
  if (!isRefusalCode(code)) return unknownCode(word)
  const { title, fix, action, exit, status } = registry[code]
  const text = listing(cli.output, [
    [code, { text: title, tone: 'strong' }],
    ['what to do', fix],
    ['what Voltseal does', `${action}: ${ACTION[action]}`],
    ['exit code', String(exit)],
    ['HTTP status', String(status)],
  ])
  return { json: { code, title, fix, action, exit, status }, text }
}

function all(cli: Cli): Work {
  const codes = (Object.keys(registry) as RefusalCode[]).sort()
  const rows = codes.map(code => [code, registry[code].action, registry[code].exit, registry[code].title] as const)
  return {
    json: codes.map(code => ({ code, ...registry[code] })),
    text: table(cli.output, ['code', 'action', '>exit', 'meaning'], rows),
  }
}

function unknownCode(word: string): Work {
  const near = (Object.keys(registry) as RefusalCode[])
    .map(code => ({ code, distance: editDistance(word, code) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ code }) => code)
  return refuse('code-unknown', 'explain', `a code such as ${near.join(', ')}`, word)
}

/** How many letters must be added, dropped or changed (Levenshtein), for texts of command-line length. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 0; i < Math.min(a.length, 64); i += 1) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j += 1) {
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (a[i] === b[j] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
