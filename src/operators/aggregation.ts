/**
 * How values become one aggregate. The aggregate is never changed in place: each step answers the next one. (Written
 * as methods, whose parameters TypeScript compares both ways: a cogroup holds aggregations of several types of value.)
 */
export interface Aggregation<K, V, A> {
  /** The aggregate of nothing; null where the first value alone makes it. */
  initializer(): A | null
  /** Answers null to delete the row. */
  aggregator(aggregate: A | null, value: V, key: K): A | null
}

/** Sessions become one when a record joins them: `a` began with the initial value, `b` is the next session's. */
export interface SessionAggregation<K, V, A> extends Aggregation<K, V, A> {
  /** The aggregate of both; null: none, as at the beginning. */
  merger(a: A | null, b: A, key: K): A | null
}

/**
 * As in Kafka Streams, the first value is not reduced with anything: it is the aggregate.
 *
 * @example
 * ```ts
 * const longest = reduction<string, string>((a, b) => (a.length < b.length ? b : a))
 * ```
 */
export function reduction<K, V>(reducer: (aggregate: V, value: V) => V | null): SessionAggregation<K, V, V> {
  const reduce = (aggregate: V | null, value: V) => (aggregate === null ? value : reducer(aggregate, value))
  return { initializer: () => null, aggregator: reduce, merger: reduce }
}

/** How many records there were. */
export const counting: SessionAggregation<unknown, unknown, number> = {
  initializer: () => 0,
  aggregator: (count) => (count ?? 0) + 1,
  merger: (a, b) => (a ?? 0) + b,
}
