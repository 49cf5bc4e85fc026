import { readFileSync } from 'node:fs'
import { messageOf, RivuletError } from '../errors.ts'
import type { TopologyDescription } from '../stream/describe.ts'
import { diffTopologies } from '../stream/diff.ts'
import type { Topology } from '../stream/topology.ts'
import type { Io } from './io.ts'
import { topologyIn } from './load-topologies.ts'

/** Prints what changes from one version to the next; 1 if one of the changes breaks what is stored. */
export async function diffFiles(
  oldFile: string,
  newFile: string,
  { name }: { readonly name?: string },
  io: Io,
): Promise<number> {
  const changes = diffTopologies(await versionIn(oldFile, name), await versionIn(newFile, name))
  for (const { effect, what, why } of changes) io.out(`${effect}: ${what}\n  ${why}\n`)
  if (changes.length === 0) io.out('no difference\n')
  return changes.some(({ effect }) => effect === 'breaks') ? 1 : 0
}

/** A file of code, or a description that was saved as JSON. */
async function versionIn(file: string, name: string | undefined): Promise<Topology | TopologyDescription> {
  if (!file.endsWith('.json')) return topologyIn(file, name)
  try {
    const saved: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (isDescription(saved)) return saved
  } catch (error) {
    throw new RivuletError('BAD_CONFIG', `${file} can't be read: ${messageOf(error)}`, { cause: error })
  }
  throw new RivuletError('BAD_CONFIG', `${file} is no description of a topology`)
}

function isDescription(value: unknown): value is TopologyDescription {
  return typeof value === 'object' && value !== null && 'name' in value && 'subTopologies' in value
}
