/** What the examples in the comments of `src/operators` take as given. */
export const operatorsPrelude = `
import { ignoreElements, merge, type Observable } from 'rxjs'
import {
  type Chunk, type KeyValueStore, keyValueStore, lastHeader, serdes, session, sessionStore, sliding, type StoreSpec, type TableChunk,
  tumbling, windowStore, within,
} from 'rivulet'
import {
  aggregate, type Change, ChunkBuilder, chunkOperator, counting, cut, eachRecord, filter, flatMap, flatMapValues, joinStore,
  map, mapHeaders, mapValues, type OperatorContext, peek, process, reduction, regroup, rowReader, selectKey, sessionAggregate,
  slidingAggregate, split, standalone, streamJoin, streamTableJoin, suppress, suppressBuffer, tableAggregate,
  type TableAggregation, tableJoin, tableMap, toStream, upsert, windowAggregate, windowHeaders,
  withHeaders,
} from 'rivulet/operators'
interface Click { readonly page: string }
declare const clicks$: Observable<Chunk<string, Click>>
declare const users$: Observable<Chunk<string, string>>
declare const updates$: Observable<TableChunk<string, string>>
declare const changes$: Observable<Chunk<string, Change<string>>>
declare const left$: Observable<Chunk<string, string>>
declare const right$: Observable<Chunk<string, string>>
declare const store: StoreSpec<KeyValueStore<string, number>>
declare const users: StoreSpec<KeyValueStore<string, string>>
declare const counts: StoreSpec<KeyValueStore<string, number>>
`

/** What those of all other folders take as given: a shop with its clicks, orders and payments, and where it runs. */
export const prelude = `
import { readFileSync, writeFileSync } from 'node:fs'
import { map, type Observable, timer, VirtualTimeScheduler } from 'rxjs'
import {
  type AsyncMapper, backoffMs, calendar, type CallbackErrorHandler, type Chunk, chunkOf, clientCredentials, compile, connectKafka, customWindows,
  createClock, createLogger, type Declare, describe,
  describeAsMermaid, describeAsText, diffTopologies, type Environment, hopping, type Kafka, keyValueStore, lastHeader,
  type MapAsyncOptions, nullable, otherwise, partitionFor, producer, type ProductionErrorHandler, queryable, recordsOf, retry, retryWithBackoff,
  RivuletError, run, runInstances, type Running, type Serde, serdes, session, sessionStore, shape, silentLogger, type Sink, sliding,
  type Source, type StreamPartitioner, systemClock, type TableRef, type TokenProvider, type Topic, topic, type Topology,
  topology, type TopologyDescription, tumbling, unlimited, untilTimeLimit, untilWindowCloses, versionedStore, type WindowedTable,
  windowStore,
  within,
} from 'rivulet'
import {
  AnswerCache, type Connection, type Connector, clickhouseConnector, createWeb, parametersOf, type Program, program,
  makePage, readSettings, serve, serveFiles, sharedFiles, type Setting, setting, staticFiles, storeApi, type Web,
} from 'rivulet/app'
import { startBroker } from 'rivulet/broker'
import { type ClickHouse, type ClickHouseTable, clickhouse, clickhouseTable, connectClickHouse } from 'rivulet/clickhouse'
import { rowReader, standalone } from 'rivulet/operators'
import { SchemaRegistry } from 'rivulet/registry'
import { protobuf } from 'rivulet/registry/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import {
  drive, marbles, type Plan, replay, serdeContract, simulate, sinkContract, sourceContract, TestDriver,
} from 'rivulet/testing'
import { test } from 'vitest'

interface Click { readonly user: string; readonly page: string; readonly country: string; readonly atMs: number }
interface Order { readonly item: string; readonly amount: number }
interface Payment { readonly amount: number }
interface Basket { readonly user: string; readonly items: readonly string[] }
interface Message { readonly id: number; readonly device: string }
interface FileConnection extends Connection { readonly folder: string }

declare const source: Declare['source']
declare const stream: Declare['stream']
declare const table: Declare['table']
declare const globalTable: Declare['globalTable']

declare const clicks: Topic<string, Click>
declare const mobileClicks: Topic<string, Click>
declare const visits: Topic<string, Click>
declare const orders: Topic<string, Order>
declare const payments: Topic<string, Payment>
declare const baskets: Topic<string, Basket>
declare const users: Topic<string, string>
declare const pages: Topic<string, string>
declare const supply: Topic<string, number>
declare const counts: Topic<string, number | null>
declare const lines: Topic<string, string>
declare const copies: Topic<null, string>
declare const shop: Program
declare const seconds: Topic<null, number>

declare const click$: Observable<Click>
declare const click: Click
declare const chunk: Chunk<string, number>
declare const perMinute: WindowedTable<string, number, string>
declare const clicksTable: ClickHouseTable<string, Click>
declare const shelf: Sink<null, string>
declare const titleOf: AsyncMapper<string, Click, string>
declare const calls: MapAsyncOptions<string>
declare const amounts: Serde<number>
declare class FakeServer { readonly source: Source<Message>; send(count: number): void }
declare function files(name: string): Sink<null, { readonly number: number }, FileConnection>
declare function newFolder(): Promise<FileConnection>
declare function readNumbers(): readonly number[]
declare function shopOf(item: string): string
declare function openFiles(folder: string): FileConnection

declare const app: Topology & { readonly stores: { readonly clicksByUser: TableRef<string, number> } }
declare const wordCount: Topology
declare const kafka: Kafka
declare const database: ClickHouse
declare const running: Running
declare const driver: TestDriver
declare const web: Web
declare const version: number
declare const registry: SchemaRegistry
declare const ReadingSchema: GenMessage<{ readonly $typeName: 'home.Reading'; celsius: number }>
declare const proto: string
declare function clicksAsJson(): Promise<string>
`
