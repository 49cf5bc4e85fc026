import type { StoreSpec } from '../../state/store.ts'
import type { OperatorNode } from '../../stream/graph.ts'
import type { QueryableStores } from '../../stream/queryable.ts'
import type { Topology } from '../../stream/topology.ts'
import type { Rule } from './rule.ts'

/** Windows that are offered to be asked for, and are kept no longer than the aggregation needs them. */
export const forgottenWindows: Rule = {
  name: 'forgotten-windows',
  level: 'warning',
  find: (topology) =>
    topology.nodes.flatMap((node) => {
      if (node.type !== 'operator' || !node.windows) return []
      const closesMs = untilClosedMs(node.windows)
      // A window that goes out at its close is kept for one more millisecond.
      const forgotten = node.stores.filter(
        (store) =>
          isOffered(store, topology) && (store.retentionMs ?? Number.POSITIVE_INFINITY) <= closesMs + 1,
      )
      return forgotten.map(({ name, retentionMs }) => ({
        step: node.name,
        what: `the windows of "${name}" can be asked for, and are forgotten ${retentionMs} ms after they began`,
        why: 'whoever asks for a window that has closed finds none',
        mend: 'say how long they shall be found, as { retentionMs }',
      }))
    }),
}

function isOffered(store: StoreSpec, topology: Topology & { readonly stores?: QueryableStores }): boolean {
  return Object.values(topology.stores ?? {}).includes(store)
}

function untilClosedMs(windows: NonNullable<OperatorNode['windows']>): number {
  if (windows.kind === 'time') return windows.sizeMs + windows.graceMs
  if (windows.kind === 'custom') return windows.sizeMsMax + windows.graceMs
  if (windows.kind === 'sliding') return 2 * windows.differenceMs + windows.graceMs
  return windows.kind === 'session' ? windows.gapMs + windows.graceMs : 0
}
