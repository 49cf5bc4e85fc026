import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouse, ClickHouseOptions } from '../../src/clickhouse/client.ts'
import { connectClickHouse } from '../../src/clickhouse/connection.ts'
import { systemClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import type { SinkContext } from '../../src/stream/sink.ts'
import { ClickHouseFront } from './clickhouse-http.ts'

export interface TestClickHouse {
  readonly path: string
  readonly front: ClickHouseFront
  readonly embedded: ClickHouse
  readonly server: ClickHouse
  connect(options?: Partial<ClickHouseOptions>): Promise<ClickHouse>
  close(): Promise<void>
}

/** One engine, reached both ways. It takes 260 MB and a second: share it within a file (`beforeAll`). */
export async function startTestClickHouse(): Promise<TestClickHouse> {
  const path = await mkdtemp(join(tmpdir(), 'rivulet-clickhouse-'))
  const front = await ClickHouseFront.start({ path, password: 'secret' })
  const opened: ClickHouse[] = []
  const open = async (options: Partial<ClickHouseOptions>) => {
    const connection = await connectClickHouse({ clock: systemClock, logger: silentLogger, ...options })
    opened.push(connection)
    return connection
  }
  const connect = (options: Partial<ClickHouseOptions> = {}) =>
    open({ url: front.url, password: 'secret', ...options })
  return {
    path,
    front,
    embedded: await open({ path }),
    server: await connect(),
    connect,
    close: async () => {
      await Promise.all(opened.map((connection) => connection.close()))
      await front.close()
      await rm(path, { recursive: true, force: true })
    },
  }
}

export function sinkContext(signal: AbortSignal = new AbortController().signal): SinkContext {
  return { clock: systemClock, logger: silentLogger, signal }
}
