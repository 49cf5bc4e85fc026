import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, RivuletError } from '../errors.ts'
import type { Topology } from '../stream/topology.ts'

/**
 * The topologies that a file exports, as they are or as programs, each once. Throws `BAD_CONFIG` where there is no such
 * file, or nothing of the kind in it. The file is imported: what it does then is done.
 */
export async function topologiesIn(file: string): Promise<readonly Topology[]> {
  const path = resolve(file)
  if (!existsSync(path)) throw badFile(`there is no file ${file}`)
  const exported = Object.values(await load(path, file))
  const topologies = exported
    .flatMap((value) => (isProgram(value) ? value.describe() : value))
    .filter(isTopology)
  if (topologies.length === 0) throw badFile(`${file} exports no topology, and no program`)
  return [...new Set(topologies)]
}

/** The one of that name, or the only one. Throws `BAD_CONFIG` where it is not clear which. */
export async function topologyIn(file: string, name: string | undefined): Promise<Topology> {
  const topologies = await topologiesIn(file)
  const named = name === undefined ? topologies : topologies.filter((topology) => topology.name === name)
  const [only] = named
  if (only && named.length === 1) return only
  const names = topologies.map((topology) => topology.name).join(', ')
  throw badFile(
    named.length === 0
      ? `${file} exports no topology "${name}", but ${names}`
      : `${file} exports ${names}: choose one by name`,
  )
}

async function load(path: string, file: string): Promise<object> {
  if (['.ts', '.mts', '.cts', '.tsx'].includes(extname(path))) await takeTypeScript(path)
  try {
    return await import(pathToFileURL(path).href)
  } catch (error) {
    if (error instanceof RivuletError) throw error
    if (isCode(error, 'ERR_UNKNOWN_FILE_EXTENSION'))
      throw badFile(`${file} is TypeScript, which this Node can't read: install tsx in your project`, error)
    throw new RivuletError('CALLBACK_FAILED', `${file} can't be loaded: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** By the project's own tsx, as its programs are started; where it has none, Node may know TypeScript itself. */
async function takeTypeScript(path: string): Promise<void> {
  let tsx: string
  try {
    tsx = createRequire(path).resolve('tsx')
  } catch {
    return
  }
  await import(pathToFileURL(tsx).href)
}

/** A topology may be made by another copy of this package: what it looks like counts. */
function isTopology(value: unknown): value is Topology {
  return (
    isObject(value) &&
    'name' in value &&
    typeof value.name === 'string' &&
    Array.isArray(Reflect.get(value, 'nodes'))
  )
}

function isProgram(value: unknown): value is { describe(): unknown } {
  return isObject(value) && 'describe' in value && typeof value.describe === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isCode(error: unknown, code: string): boolean {
  return isObject(error) && Reflect.get(error, 'code') === code
}

function badFile(message: string, cause?: unknown): RivuletError {
  return new RivuletError('BAD_CONFIG', message, { cause })
}
