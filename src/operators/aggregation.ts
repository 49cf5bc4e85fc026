/** How values become one aggregate. The aggregate is never changed in place: each step answers the next one. */
export interface Aggregation<K, V, A> {
  /** The aggregate of nothing; null where the first value alone makes it. */
  readonly initializer: () => A | null
  /** Answers null to delete the row. */
  readonly aggregator: (aggregate: A | null, value: V, key: K) => A | null
}

/** As in Kafka Streams, the first value is not reduced with anything: it is the aggregate. */
export function reduction<K, V>(reducer: (aggregate: V, value: V) => V | null): Aggregation<K, V, V> {
  return {
    initializer: () => null,
    aggregator: (aggregate, value) => (aggregate === null ? value : reducer(aggregate, value)),
  }
}

export const counting: Aggregation<unknown, unknown, number> = {
  initializer: () => 0,
  aggregator: (count) => (count ?? 0) + 1,
}
