import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Mutant } from './mutant.ts'

/** What it takes to run a seed, or a test. */
const needed = ['src', 'scripts', 'test', 'pipelines', 'package.json', 'tsconfig.json', 'vitest.config.ts']

type Change = Pick<Mutant, 'name' | 'file' | 'from' | 'to'>

/** Does it with the folder of a copy of the sources in which one safeguard is switched off; that is gone afterwards. */
export async function withMutant<T>(mutant: Change, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-mutant-'))
  try {
    for (const name of needed) cpSync(name, join(folder, name), { recursive: true })
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
    const path = join(folder, mutant.file)
    writeFileSync(path, mutated(mutant, readFileSync(path, 'utf8')))
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function mutated({ name, file, from, to }: Change, text: string): string {
  const [before, behind, ...more] = text.split(from)
  if (before === undefined || behind === undefined || more.length > 0)
    throw new Error(`${name}: what it replaces stands ${text.split(from).length - 1} times in ${file}`)
  return `${before}${to}${behind}`
}
