/** Rivulet: Kafka Streams for TypeScript, on RxJS. See README.md. */

// What is declared: a topology, between topics, sources and sinks

export { type Topic, type TopicOptions, topic, type WritableTopic, type Writer } from './stream/topic.ts'
export type { PatternOptions } from './stream/topic-pattern.ts'
export {
  type Declare,
  type GlobalTableOptions,
  type SourceOptions,
  type StreamOptions,
  type TableOptions,
  type Topology,
  topology,
} from './stream/topology.ts'

// How keys and values are written

export type { BindSerde } from './serdes/bound-serde.ts'
export type { FieldType } from './serdes/flat-json-reader.ts'
export type { Serde, SerdeContext, SerdeNames, SerdePlace } from './serdes/serde.ts'
export { nullable, serdes } from './serdes/serdes.ts'
export { type ShapeOf, shape } from './serdes/shape.ts'

// The stages of a path: each method answers the next one

export type { BatchedStream } from './stream/batched-stream.ts'
export type {
  CogroupedStream,
  SessionWindowedCogroup,
  TimeWindowedCogroup,
} from './stream/cogrouped-stream.ts'
export type { GlobalTable } from './stream/global-table.ts'
export type { GroupedStream } from './stream/grouped-stream.ts'
export type { GroupedTable } from './stream/grouped-table.ts'
export type { SessionWindowedStream } from './stream/session-windowed-stream.ts'
export { otherwise, type Stream } from './stream/stream.ts'
export type { Table, WindowedTable } from './stream/table.ts'
export type { TimeWindowedStream } from './stream/time-windowed-stream.ts'
export type { WindowedStream } from './stream/windowed-stream.ts'

// What their steps take

export type { Emission } from './operators/emission.ts'
export type { BufferBounds } from './operators/suppress.ts'
export type { ForeignKey } from './stream/foreign-key-join.ts'
export type { AggregateSpec } from './stream/grouped-stream.ts'
export type { TableAggregateSpec } from './stream/grouped-table.ts'
export type { ByForeignKey, ByKey, TableJoiner } from './stream/join-table-with.ts'
export type { WithGlobalTable, WithStream, WithTable } from './stream/join-with.ts'
export type { AsyncMapper, MapAsyncOptions } from './stream/map-async.ts'
export type { Named } from './stream/named.ts'
export type { OffsetReset } from './stream/offset-reset.ts'
export type { PartitionedBy, RepartitionOptions } from './stream/repartition.ts'
export type { SessionAggregateSpec } from './stream/session-windowed-stream.ts'
export type { StoreOptions, WindowedStoreOptions } from './stream/store-options.ts'
export type { Predicate, ToOptions, TopicBy } from './stream/stream.ts'
export type { RowJoinOptions, StreamJoinSerdes } from './stream/stream-joins.ts'
export type { StreamPartitioner } from './stream/stream-partitioner.ts'
export {
  type FinalResultBounds,
  type UntilTimeLimit,
  type UntilWindowCloses,
  untilTimeLimit,
  untilWindowCloses,
} from './stream/suppression.ts'
export type { WindowedByOptions } from './stream/windowed-aggregation.ts'

// Windows

export { type CalendarOptions, calendar } from './windows/calendar-windows.ts'
export {
  type CustomWindowsOptions,
  customWindows,
  unlimited,
  type WindowSpan,
  type Windows,
} from './windows/custom-windows.ts'
export { type JoinSpan, type JoinWindow, within } from './windows/join-window.ts'
export {
  type Grace,
  hopping,
  type Offset,
  type SessionWindows,
  type SlidingWindows,
  session,
  sliding,
  type TimeWindows,
  tumbling,
  type Windowed,
} from './windows/windows.ts'

// Processors, and what they keep

export type { Processor, ProcessorContext, RecordInfo, StoreSpecs, StoresOf } from './operators/process.ts'
export type { ValueProcessor, ValueProcessorContext } from './operators/process-values.ts'
export type { Punctuation } from './operators/punctuation.ts'
export type { KeyedRow, RowTable, StoredRow } from './state/disk-table.ts'
export {
  type KeyValueEntry,
  KeyValueStore,
  type KeyValueStoreKept,
  type KeyValueStoreOptions,
  keyValueStore,
  type ReadOnlyKeyValueStore,
} from './state/key-value-store.ts'
export {
  type ReadOnlySessionStore,
  type SessionEntry,
  SessionStore,
  type SessionStoreOptions,
  sessionStore,
} from './state/session-store.ts'
export type { ChangelogAppender, StateStore, StoreSpec, StoreType } from './state/store.ts'
export {
  type PutResult,
  type ReadOnlyVersionedStore,
  VersionedStore,
  type VersionedStoreOptions,
  versionedStore,
} from './state/versioned-store.ts'
export {
  type ReadOnlyWindowStore,
  type StoredWindows,
  type WindowEntry,
  WindowStore,
  type WindowStoreOptions,
  windowStore,
} from './state/window-store.ts'
export type { ProcessorSpec } from './stream/processor-step.ts'

// Sources and sinks of one's own

export type { BatchPolicy } from './stream/graph.ts'
export type { Refuse, Sink, SinkBatch, SinkContext, SinkWriter } from './stream/sink.ts'
export type {
  DeadLetter,
  Source,
  SourceContext,
  SourceGap,
  SourceState,
  TailRecord,
} from './stream/source.ts'

// How it runs

export type {
  CallbackErrorHandler,
  FailedRecord,
  FailureOutcome,
  ProductionErrorHandler,
  UnwrittenRecord,
} from './runtime/failed-record.ts'
export type { InstanceNumber } from './runtime/instances/messages.ts'
export {
  type InstanceEvent,
  type InstancesOptions,
  type RunningInstances,
  runInstances,
} from './runtime/instances/run-instances.ts'
export type {
  GapStatus,
  LateStatus,
  PartitionStatus,
  PipelineEdge,
  PipelineNode,
  PipelineStatus,
  Progress,
  ReaderStatus,
  RejectedPart,
  RestoreStatus,
  SinkStatus,
  SourceStatus,
  StandbyStatus,
  StoreStatus,
  TaskStatus,
} from './runtime/pipeline-status.ts'
export {
  compile,
  type Environment,
  type Processing,
  type Running,
  type RuntimeEvent,
  run,
  type StopOutcome,
} from './runtime/run.ts'
export type { SinkState } from './runtime/sink-standing.ts'

// Kafka, as a topology is given it, and how any program writes to it

export type { Compression } from './compression/compression.ts'
export { type ClientCredentials, clientCredentials } from './kafka/client-credentials.ts'
export { connectKafka, partitionFor } from './kafka/kafka.ts'
export type {
  BearerToken,
  KafkaOptions,
  PasswordLogin,
  SaslOptions,
  SocketFactory,
  TokenLogin,
  TokenProvider,
} from './kafka/options.ts'
export type {
  AssignedPartition,
  Assignor,
  CommittedOffset,
  CompressionChoice,
  ConsumerEvent,
  ConsumerOptions,
  Fetched,
  GroupMember,
  Isolation,
  Kafka,
  KafkaAdmin,
  KafkaConsumer,
  KafkaProducer,
  OutgoingRecords,
  PartitionOffset,
  PartitionOwner,
  PartitionRange,
  ProducerOptions,
  ReadRange,
  Refused,
  SendResult,
  TopicPartition,
  TopicToEnsure,
  TransactionalProducer,
  TransactionalProducerOptions,
} from './kafka/types.ts'
export {
  type ProducerRecord,
  producer,
  type TopicProducer,
  type TopicProducerOptions,
} from './runtime/producer.ts'

// Where checkpoints lie

export type { LogDirectory, LogFile } from './storage/storage.ts'

// What may be asked of a running topology's stores

export type { Queries } from './runtime/queries.ts'
export type {
  KeyQueryMetadata,
  MetadataQueries,
  NamedStore,
  StreamsMetadata,
} from './runtime/streams-metadata.ts'
export type { Query, TableQuery, TableRef, WindowQuery, WindowRef, WindowRow } from './state/query.ts'
export type { RowStore } from './state/row-reader.ts'
export { type QueryableStores, queryable } from './stream/queryable.ts'

// How a topology is looked at

export {
  describe,
  describeAsMermaid,
  describeAsText,
  type NodeDescription,
  type StoreDescription,
  type SubTopologyDescription,
  type TopologyDescription,
} from './stream/describe.ts'
export { diffTopologies, type TopologyChange } from './stream/diff.ts'
export type {
  AnyChunk,
  AsyncCall,
  ExternalSinkNode,
  ExternalSourceNode,
  GraphNode,
  HeartbeatTest,
  NodeBase,
  OperatorNode,
  Partitioner,
  Port,
  RepartitionNode,
  SourceRecordMapper,
  TimestampExtractor,
  TopicChooser,
  TopicSinkNode,
  TopicSourceNode,
  UntypedOperator,
} from './stream/graph.ts'

// What flows

export type { Dropped, DropReason, OperatorContext, StreamTime } from './operators/operator.ts'
export { BytesColumn, type BytesDecoder } from './records/bytes-column.ts'
export type { Change } from './records/change.ts'
export {
  type Chunk,
  chunkOf,
  type Header,
  type Headers,
  lastHeader,
  type PlainRecord,
  type RawChunk,
  recordsOf,
  type TableChunk,
} from './records/chunk.ts'

// Time, errors, log, retries

export { type Clock, createClock, systemClock } from './clock.ts'
export {
  type ErrorCode,
  type ErrorOptions,
  type ErrorPlace,
  isRetryable,
  messageOf,
  RivuletError,
} from './errors.ts'
export {
  createLogger,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  logLevels,
  silentLogger,
} from './logger.ts'
export { backoffMs, type RetryOptions, type RetryPolicy, retry, retryWithBackoff } from './retry.ts'
export type { TlsOptions } from './tls.ts'
