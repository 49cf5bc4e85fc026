import { messageOf } from '../../src/errors.ts'
import { type Topology, topology } from '../../src/stream/topology.ts'
import type { BuildContext, Element, OpBuilder } from './builder.ts'
import type { Case, Operator } from './case.ts'
import { joinOps } from './ops/joins.ts'
import { streamOps } from './ops/streams.ts'
import { tableOps } from './ops/tables.ts'
import { windowOps } from './ops/windows.ts'

const builders: readonly OpBuilder[] = [...streamOps, ...windowOps, ...tableOps, ...joinOps]

/** The case's topology, declared with the public DSL; throws an error that names the operator that can't be. */
export function topologyOf(conformanceCase: Case): Topology {
  return topology('conformance', (declare) => {
    const elements = new Map<string, Element>()
    const context: BuildContext = {
      declare,
      element(id, stageClass) {
        const found = elements.get(id ?? '')
        if (!found) throw new Error(`no operator before it has the id "${id}"`)
        const { dsl } = found
        if (!(dsl instanceof stageClass)) {
          throw new Error(`"${id}" is a ${dsl.constructor.name}, not a ${stageClass.name}`)
        }
        return { ...found, dsl }
      },
      is: (id, stageClass) => elements.get(id ?? '')?.dsl instanceof stageClass,
      define: (id, element) => elements.set(id, element),
    }
    for (const operator of conformanceCase.topology) {
      try {
        const element = builderOf(operator, context).build(operator, context)
        if (element && operator.id !== undefined) elements.set(operator.id, element)
      } catch (error) {
        throw new Error(
          `can't build ${operator.op} "${operator.id ?? operator.topic}": ${messageOf(error)}`,
          {
            cause: error,
          },
        )
      }
    }
  })
}

function builderOf({ op, of }: Operator, { is }: BuildContext): OpBuilder {
  const named = builders.filter((builder) => builder.op === op)
  const found = named.find((builder) => builder.of === undefined || is(of, builder.of))
  if (!found) throw new Error(named.length > 0 ? `there is no ${op} of "${of}"` : 'no such operator is known')
  return found
}
