import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ClickHouseClientConfigOptions, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { drainPending } from 'chdb'
import { type ChdbConnection, createChdbConnection } from 'chdb/connection'
import { messageOf, RivuletError } from '../errors.ts'
import { headerOf, namesOf, rowsFormat } from './binary-rows.ts'
import type { ClickHouseOptions, InsertTarget } from './client.ts'
import { giveBackCrashSignals } from './crash-signals.ts'
import { InsertFiles } from './insert-files.ts'
import { assignments, quote } from './sql.ts'
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
  const writer = open(connect())
  // One session is serial: with a reader of its own, no query waits for an insert.
  const reader = open(connect())
  giveBackCrashSignals()
  const files = new InsertFiles(path)
  return {
    writer,
    reader,
    command: async (query, abort_signal) => void (await writer.command({ query, abort_signal })),
    insert: (target, rows, abort_signal) =>
      files.with([headerOf(target), rows], async (file) => {
        await writer.command({ query: insertStatement(target, file), abort_signal })
      }),
    close: async () => {
      await Promise.all([reader.close(), writer.close()])
      // What was given up at its deadline may still be running; only behind it is the folder free.
      await drainPending()
    },
  }
}

const fromFile = {
  // Read by one thread, into one block.
  max_threads: 1,
  max_insert_threads: 1,
  input_format_parallel_parsing: 0,
  // The types in front of the rows are held to those of the table.
  use_structure_from_insertion_table_in_table_functions: 1,
  input_format_with_types_use_header: 1,
}

function insertStatement(target: InsertTarget, file: string): string {
  const settings = assignments({ ...target.settings, ...fromFile })
  const names = namesOf(target)
  return `INSERT INTO ${target.table} (${names}) SETTINGS ${settings} SELECT ${names} FROM file(${quote(file)}, ${rowsFormat})`
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
