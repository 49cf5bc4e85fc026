import { readdir } from 'node:fs/promises'
import type { FuzzTarget } from './fuzz-target.ts'

const folder = new URL('../', import.meta.url)

/** Each module of test/fuzz is a target. */
export async function loadTargets(): Promise<FuzzTarget[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  return Promise.all(
    files.sort().map(async (file): Promise<FuzzTarget> => import(new URL(file, folder).href)),
  )
}
