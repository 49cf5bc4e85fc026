import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from './run-command.ts'

export interface Unavailable {
  /** Why. */
  readonly unavailable: string
}

/**
 * A folder below `~/.cache`, made once. Several test workers may come here at once: each makes one of its own, the first
 * rename wins. Where a command that it needs is missing, or it can't be made, says why.
 */
export async function cached(
  { name, needs }: { readonly name: string; readonly needs: readonly string[] },
  make: (dir: string) => Promise<unknown>,
): Promise<{ readonly dir: string } | Unavailable> {
  for (const command of needs) {
    const missing = await run(command, ['-version']).catch((error) => isMissing(error))
    if (missing === true) return { unavailable: `${command} is not installed` }
  }
  const dir = join(homedir(), '.cache', name)
  if (existsSync(dir)) return { dir }
  await mkdir(dirname(dir), { recursive: true })
  const making = await mkdtemp(`${dir}-`)
  try {
    await make(making)
    await rename(making, dir).catch((error) => {
      if (!existsSync(dir)) throw error
    })
    return { dir }
  } catch (error) {
    return { unavailable: `${name} could not be fetched: ${String(error).split('\n', 1)[0]}` }
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
