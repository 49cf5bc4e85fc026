/**
 * `rivulet/operators`: the operators that the steps of a topology are made of, each an RxJS operator over chunks and
 * usable alone with `observable.pipe(…)`, and what operators of your own are written with.
 */

// What operators are written with.

export { ChunkBuilder, TableChunkBuilder } from './chunk-builder.ts'
export {
  chunkOperator,
  type Dropped,
  type DropReason,
  eachRecord,
  eachUpdate,
  type OperatorContext,
  type StreamTime,
  standalone,
  type TimedStep,
  timedOperator,
} from './operator.ts'

// Records, one by one.

export { cut, slice } from './cut.ts'
export { filter } from './filter.ts'
export { flatMap } from './flat-map.ts'
export { flatMapValues } from './flat-map-values.ts'
export { map } from './map.ts'
export { mapHeaders } from './map-headers.ts'
export { mapValues } from './map-values.ts'
export { peek } from './peek.ts'
export {
  type ProcessOptions,
  type Processor,
  type ProcessorContext,
  process,
  type RecordInfo,
  type StoreSpecs,
  type StoresOf,
} from './process.ts'
export { keepingKeys, type ValueProcessor, type ValueProcessorContext } from './process-values.ts'
export type { Punctuation } from './punctuation.ts'
export { selectKey } from './select-key.ts'
export { type Branch, split } from './split.ts'
export { withHeaders } from './with-headers.ts'

// Aggregations.

export { type AggregateOptions, aggregate } from './aggregate.ts'
export { type Aggregation, counting, reduction, type SessionAggregation } from './aggregation.ts'
export type { Emission } from './emission.ts'
export { type WindowHeaders, windowHeaders } from './final-results.ts'
export { type SessionAggregateOptions, sessionAggregate } from './session-aggregate.ts'
export { type SlidingAggregateOptions, slidingAggregate } from './sliding-aggregate.ts'
export { type WindowAggregateOptions, windowAggregate } from './window-aggregate.ts'

// Tables.

export type { Change } from '../records/change.ts'
export { type RegroupOptions, regroup } from './regroup.ts'
export { type BufferBounds, type SuppressOptions, suppress } from './suppress.ts'
export { type TableAggregateOptions, type TableAggregation, tableAggregate } from './table-aggregate.ts'
export { type TableMapOptions, tableMap } from './table-map.ts'
export { toStream } from './to-stream.ts'
export { type UpsertOptions, upsert } from './upsert.ts'

// Joins.

export type { Instruction, Subscription, SubscriptionResponse } from '../records/foreign-key-messages.ts'
export {
  type AnswerOptions,
  answerForeignKey,
  type RespondOptions,
  respondForeignKey,
  type SubscribeOptions,
  subscribeForeignKey,
} from './foreign-key-join.ts'
export { type StreamJoinOptions, streamJoin } from './stream-join.ts'
export { type StreamTableJoinOptions, streamTableJoin } from './stream-table-join.ts'
export { type OuterSides, type TableJoinOptions, tableJoin } from './table-join.ts'

// The stores that only operators keep; those that a processor may have too are in `rivulet`.

export { type JoinRecord, JoinStore, type JoinStoreOptions, joinStore } from '../state/join-store.ts'
export { type Row, type RowReader, type RowStore, rowReader } from '../state/row-reader.ts'
export {
  type Subscriber,
  SubscriptionStore,
  type SubscriptionStoreOptions,
  subscriptionStore,
} from '../state/subscription-store.ts'
export {
  type BufferedUpdate,
  SuppressBuffer,
  type SuppressBufferOptions,
  suppressBuffer,
} from '../state/suppress-buffer.ts'
export { type Buffered, TimeBuffer, type TimeBufferOptions, timeBuffer } from '../state/time-buffer.ts'
export {
  type JoinSide,
  type Unmatched,
  UnmatchedStore,
  type UnmatchedStoreOptions,
  unmatchedStore,
} from '../state/unmatched-store.ts'
// Of `windowStore`; what `rivulet` calls so is how an aggregation keeps its windows.
export type { WindowStoreOptions } from '../state/window-store.ts'
