import type { ClickHouseClient, Logger as ClientLogger } from '@clickhouse/client'
import type { RivuletError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { InsertTarget } from './client.ts'

/** How ClickHouse is reached. Errors are the clients' own. */
export interface Transport {
  /** Inserts and DDL, one after the other. */
  readonly writer: ClickHouseClient
  readonly reader: ClickHouseClient
  command(sql: string, signal: AbortSignal): Promise<void>
  insert(target: InsertTarget, rows: Buffer, signal: AbortSignal): Promise<void>
  /** Why a call that failed will fail each time, where the error itself does not say so; undefined: it may pass. */
  refusalOf?(error: RivuletError): Promise<RivuletError | undefined>
  close(): Promise<void>
}

/** The client's own log, into ours. */
export function clientLogger(logger: Logger): new () => ClientLogger {
  const log =
    (level: 'trace' | 'debug' | 'info') =>
    ({ message, err }: { message: string; err?: Error }) =>
      logger[level]({ err }, message)
  return class implements ClientLogger {
    trace = log('trace')
    debug = log('debug')
    info = log('info')
    // Each failed call is thrown as well, and whoever catches it says it once.
    warn = log('debug')
    error = log('debug')
  }
}
