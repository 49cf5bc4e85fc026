import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const sources = [
  ...['src', 'docs', 'public', 'package.json', 'tsconfig.json', 'tsconfig.build.json'],
  ...['README.md', 'CHANGELOG.md', 'DESIGN.md', 'LICENSE'],
]

/** Where `packInto` works: in the project, where the compiler finds what is installed. */
export function makePackFolder(): string {
  return resolve(mkdtempSync('.package-'))
}

/**
 * Packs the package as `npm publish` would, from a copy of its sources: what another test does with `dist` does not
 * matter. Answers the tarball's path.
 */
export async function packInto(folder: string): Promise<string> {
  for (const source of sources) cpSync(source, join(folder, source), { recursive: true })
  await promisify(execFile)('npm', ['pack', '--silent'], { cwd: folder })
  return join(folder, 'rivulet-0.1.0.tgz')
}
