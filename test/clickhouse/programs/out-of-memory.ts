import { silentLogger, systemClock } from 'rivulet'
import { connectClickHouse } from 'rivulet/clickhouse'

const database = await connectClickHouse({
  path: process.argv[2] ?? '',
  clock: systemClock,
  logger: silentLogger,
})
await database.ping()
const kept: number[][] = []
for (;;) kept.push(new Array<number>(1_000).fill(kept.length))
