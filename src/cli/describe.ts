import { describe, describeAsMermaid, describeAsText } from '../stream/describe.ts'
import type { Topology } from '../stream/topology.ts'
import type { Io } from './io.ts'
import { topologiesIn, topologyIn } from './load-topologies.ts'

const formats = {
  text: describeAsText,
  json: (topology: Topology) => `${JSON.stringify(describe(topology), null, 2)}\n`,
  mermaid: describeAsMermaid,
}

export type DescribeFormat = keyof typeof formats
export const describeFormats = Object.keys(formats)

/** Prints one topology, or as text all of them. */
export async function describeFile(
  file: string,
  { format, name }: { readonly format: DescribeFormat; readonly name?: string },
  io: Io,
): Promise<number> {
  const isAll = format === 'text' && name === undefined
  const topologies = isAll ? await topologiesIn(file) : [await topologyIn(file, name)]
  io.out(topologies.map(formats[format]).join('\n'))
  return 0
}
