import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** All `.json` files below a folder, or the file itself, in order of name. Throws where the path leads nowhere. */
export function caseFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => join(path, file))
}
