import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ClickHouseClientConfigOptions, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { drainPending } from 'chdb'
import { type ChdbConnection, createChdbConnection } from 'chdb/connection'
import { messageOf, RivuletError } from '../errors.ts'
import type { ClickHouseOptions } from './client.ts'
import { giveBackCrashSignals } from './crash-signals.ts'
import { clientLogger, type Transport } from './transport.ts'

type Connection = NonNullable<ClickHouseClientConfigOptions['connection']>

/** The engine in this process; all connections of a process share one folder. */
export async function embedded({ path = 'data/clickhouse', logger }: ClickHouseOptions): Promise<Transport> {
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    throw new RivuletError(
      'DATA_DIR_UNUSABLE',
      `The data folder ${path} cannot be made: ${messageOf(cause)}`,
      { cause, place: { path } },
    )
  }
  const connect = () => {
    try {
      return createChdbConnection({ path })
    } catch (cause) {
      throw openError(cause, path)
    }
  }
  const open = (connection: ChdbConnection) =>
    createClient({
      // The same interface from two packages (client and client-common), which TypeScript takes for two.
      connection: connection as unknown as Connection,
      log: { level: ClickHouseLogLevel.WARN, LoggerClass: clientLogger(logger) },
    })
  const writing = connect()
  const writer = open(writing)
  // One session is serial: with a reader of its own, no query waits for an insert.
  const reader = open(connect())
  giveBackCrashSignals()
  return {
    writer,
    reader,
    command: async (query, abort_signal) => void (await writer.command({ query, abort_signal })),
    insert: async ({ table, columns, settings }, rows, signal) => {
      await writing.chdb.rawInsert({
        table,
        columns: [...columns],
        settings: { ...settings },
        values: rows,
        format: 'TabSeparated',
        signal,
      })
    },
    close: async () => {
      await Promise.all([reader.close(), writer.close()])
      // What was given up at its deadline may still be running; only behind it is the folder free.
      await drainPending()
    },
  }
}

/** The engine says why on stderr only; its lock file names the process that has the folder. */
function openError(cause: unknown, path: string): RivuletError {
  const owner = ownerOf(path)
  if (owner === undefined) {
    const message = `ClickHouse cannot open the data folder ${path}: ${messageOf(cause)}`
    return new RivuletError('DATA_DIR_UNUSABLE', message, { cause, place: { path } })
  }
  const message = `The data folder ${path} is in use by process ${owner}`
  return new RivuletError('DATA_DIR_IN_USE', message, { cause, place: { path } })
}

function ownerOf(path: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)/.exec(readFileSync(join(path, 'status'), 'utf8'))?.[1])
    if (!(pid > 0) || pid === process.pid) return undefined
    process.kill(pid, 0)
    return pid
  } catch {
    return undefined
  }
}
