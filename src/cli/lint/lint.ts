import type { Topology } from '../../stream/topology.ts'
import type { Io } from '../io.ts'
import { topologiesIn, topologyIn } from '../load-topologies.ts'
import { coPartitioning } from './co-partitioning.ts'
import { emptyJoinWindow } from './empty-join-window.ts'
import { forgottenWindows } from './forgotten-windows.ts'
import { generatedNames } from './generated-names.ts'
import { noGrace } from './no-grace.ts'
import { repeatedRepartition } from './repeated-repartition.ts'
import type { Finding, Rule } from './rule.ts'
import { unboundedSuppress } from './unbounded-suppress.ts'
import { uncompactedTable } from './uncompacted-table.ts'

/** The worst first. */
const rules: readonly Rule[] = [
  coPartitioning,
  emptyJoinWindow,
  generatedNames,
  forgottenWindows,
  noGrace,
  unboundedSuppress,
  uncompactedTable,
  repeatedRepartition,
]

export interface RuleFinding extends Finding {
  readonly rule: string
  readonly level: Rule['level']
}

/** What the rules find, the worst first. */
export async function findingsIn(topology: Topology): Promise<readonly RuleFinding[]> {
  const findings = await Promise.all(
    rules.map(async ({ name, level, find }) =>
      (await find(topology)).map((finding) => ({ ...finding, rule: name, level })),
    ),
  )
  return findings.flat()
}

/** Prints what the rules find in one topology, or in all; 1 if something is sure to go wrong. */
export async function lintFile(file: string, { name }: { readonly name?: string }, io: Io): Promise<number> {
  const topologies = name === undefined ? await topologiesIn(file) : [await topologyIn(file, name)]
  let code = 0
  for (const topology of topologies) {
    const findings = await findingsIn(topology)
    if (findings.some(({ level }) => level === 'error')) code = 1
    io.out(`${topology.name}: ${findings.length === 0 ? 'nothing found' : `${findings.length} found`}\n`)
    for (const finding of findings) io.out(asText(finding))
  }
  return code
}

function asText({ level, rule, step, what, why, mend }: RuleFinding): string {
  return `  ${level} (${rule}) at "${step}"\n    ${what}\n    Why: ${why}\n    Mend: ${mend}\n`
}
