/** Rivulet: Kafka Streams for TypeScript, on RxJS. See README.md. */

export { type Clock, createClock, systemClock } from './clock.ts'
export { type ErrorCode, type ErrorPlace, isRetryable, messageOf, RivuletError } from './errors.ts'
// How it runs
export { connectKafka, partitionFor } from './kafka/kafka.ts'
export type { Kafka, KafkaOptions } from './kafka/types.ts'
export { createLogger, type Logger, type LogLevel, silentLogger } from './logger.ts'
export type { Emission } from './operators/emission.ts'
export type { Dropped, DropReason } from './operators/operator.ts'
export type { Processor, ProcessorContext, RecordInfo, StoreSpecs, StoresOf } from './operators/process.ts'
export type { ValueProcessor, ValueProcessorContext } from './operators/process-values.ts'
export type { Punctuation } from './operators/punctuation.ts'
export type { BufferBounds } from './operators/suppress.ts'
// What a pipeline is written with
// What it is made of: RxJS operators over chunks, each usable alone
export { BytesColumn } from './records/bytes-column.ts'
export {
  type Chunk,
  chunkOf,
  type Headers,
  type PlainRecord,
  recordsOf,
  type TableChunk,
} from './records/chunk.ts'
export { backoffMs, type RetryOptions, type RetryPolicy, retry, retryWithBackoff } from './retry.ts'
export {
  type ProducerRecord,
  producer,
  type TopicProducer,
  type TopicProducerOptions,
} from './runtime/producer.ts'
export type { Queries } from './runtime/queries.ts'
export { compile, type Environment, type Running, type RuntimeEvent, run } from './runtime/run.ts'
// How records are written
export type { Serde, SerdeContext, SerdePlace } from './serdes/serde.ts'
export { nullable, serdes } from './serdes/serdes.ts'
export { shape } from './serdes/shape.ts'
// What a processor keeps, and what may be asked of a running topology's stores
export {
  type KeyValueEntry,
  KeyValueStore,
  type KeyValueStoreOptions,
  keyValueStore,
  type ReadOnlyKeyValueStore,
} from './state/key-value-store.ts'
export type { TableQuery, TableRef, WindowQuery, WindowRef, WindowRow } from './state/query.ts'
export {
  type ReadOnlySessionStore,
  type SessionEntry,
  SessionStore,
  type SessionStoreOptions,
  sessionStore,
} from './state/session-store.ts'
export type { ChangelogAppender, StateStore, StoreSpec } from './state/store.ts'
export {
  type PutResult,
  type ReadOnlyVersionedStore,
  VersionedStore,
  type VersionedStoreOptions,
  versionedStore,
} from './state/versioned-store.ts'
export {
  type ReadOnlyWindowStore,
  type WindowEntry,
  WindowStore,
  windowStore,
} from './state/window-store.ts'
export { CogroupedStream, SessionWindowedCogroup, TimeWindowedCogroup } from './stream/cogrouped-stream.ts'
// How it is looked at
export { describe, describeAsMermaid, describeAsText, type TopologyDescription } from './stream/describe.ts'
export { diffTopologies, type TopologyChange } from './stream/diff.ts'
export { GlobalTable } from './stream/global-table.ts'
export { type AggregateSpec, GroupedStream } from './stream/grouped-stream.ts'
export { GroupedTable, type TableAggregateSpec } from './stream/grouped-table.ts'
export type { AsyncMapper, MapAsyncOptions } from './stream/map-async.ts'
export type { ProcessorSpec } from './stream/processor-step.ts'
export { queryable } from './stream/queryable.ts'
export type { RepartitionOptions } from './stream/repartition.ts'
export { type SessionAggregateSpec, SessionWindowedStream } from './stream/session-windowed-stream.ts'
export type { Sink, SinkBatch, SinkContext, SinkWriter } from './stream/sink.ts'
export type { DeadLetter, Source, SourceContext, SourceState } from './stream/source.ts'
export type { StoreOptions, WindowedStoreOptions } from './stream/store-options.ts'
export { otherwise, Stream, type TopicBy } from './stream/stream.ts'
export type { RowJoinOptions, StreamJoinSerdes } from './stream/stream-joins.ts'
export { untilTimeLimit, untilWindowCloses } from './stream/suppression.ts'
export { Table, WindowedTable } from './stream/table.ts'
export { TimeWindowedStream } from './stream/time-windowed-stream.ts'
export { type Topic, type TopicOptions, topic } from './stream/topic.ts'
export {
  type Declare,
  type GlobalTableOptions,
  type SourceOptions,
  type StreamOptions,
  type TableOptions,
  type Topology,
  topology,
} from './stream/topology.ts'
export type { WindowedByOptions } from './stream/windowed-aggregation.ts'
export { type JoinWindow, within } from './windows/join-window.ts'
export {
  hopping,
  type SessionWindows,
  type SlidingWindows,
  session,
  sliding,
  type TimeWindows,
  tumbling,
  type Windowed,
} from './windows/windows.ts'
