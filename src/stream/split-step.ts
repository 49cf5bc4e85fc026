import { RivuletError } from '../errors.ts'
import { split } from '../operators/split.ts'
import { type Stage, untyped } from './builder.ts'
import type { StepName } from './named.ts'

/** The stage of each branch, by its name, in the order written. Throws `BAD_TOPOLOGY` where that order would be lost. */
export function splitStep<K, V>(
  stage: Stage<K, V>,
  name: StepName,
  predicates: Readonly<Record<string, (value: V, key: K) => boolean>>,
): readonly (readonly [branch: string, stage: Stage<K, V>])[] {
  const branches = Object.entries(predicates).map(([port, predicate]) => ({ port, predicate }))
  const numeric = branches.find(({ port }) => /^\d+$/.test(port))
  if (numeric) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `a branch can't be named "${numeric.port}": JavaScript would not keep the order of such names`,
    )
  }
  const { node } = stage.builder.graph.add({
    type: 'operator',
    kind: 'split',
    ...name,
    inputs: [stage.port],
    stores: [],
    expands: false,
    stateless: true,
    connect: (context) => [untyped(split(branches, context))],
  })
  return branches.map(({ port }) => [port, { ...stage, port: { node, port } }])
}
