import { Hono } from 'hono'
import { connectKafka, createLogger, RivuletError, run, silentLogger, systemClock } from 'rivulet'
import { clickhouseConnector, createWeb, parametersOf, program, serve, setting, storeApi } from 'rivulet/app'
import { startBroker } from 'rivulet/broker'
import { connectClickHouse } from 'rivulet/clickhouse'
import { drive, marbles, TestDriver } from 'rivulet/testing'
import { amounts, app } from './topology.ts'

export const settings = {
  windowSeconds: setting.wholeNumber({
    description: 'length of a window',
    min: 1,
    max: 86_400,
    default: '60',
  }),
  colour: setting.oneOf(['red', 'green'], { description: 'a colour' }),
}
export const everything = program({
  name: 'everything',
  summary: 'A bit of everything.',
  settings,
  connectors: { clickhouse: clickhouseConnector },
  topology: app,
  routes: (web, { config }) => void web.get('/api/colour', (c) => c.json({ colour: config.colour })),
})

export async function byHand() {
  const logger = createLogger({ level: 'info' })
  const broker = await startBroker({ fsync: 'never' })
  const kafka = connectKafka({ brokers: broker.brokers, clientId: 'by-hand', logger })
  const clickhouse = await connectClickHouse({ url: 'http://localhost:8123', clock: systemClock, logger })
  const running = run(app, { kafka, connections: { clickhouse }, onCallbackError: () => 'drop' })
  const total = running.query(app.stores.total)
  const perMinute = running.query(app.stores.perMinute)
  return {
    broker,
    kafka,
    clickhouse,
    running,
    total,
    perMinute,
    status: running.status(),
    rows: perMinute.fetch('a'),
  }
}

export const http = new Hono().route('/api', storeApi(new TestDriver(app)))
export const web = createWeb({
  pipeline: () => ({}),
  ready: () => ({ ready: true }),
  metrics: async () => '',
  clock: systemClock,
  logger: silentLogger,
})
export const tools = { drive, marbles, serve, parametersOf }

export function driven() {
  const driver = new TestDriver(app)
  driver.pipe(amounts, { key: 'a', value: 1, timestampMs: 1 })
  return { driver, records: driver.read(amounts), all: driver.readAll(), stores: driver.queries() }
}

export const failure = new RivuletError('BAD_CONFIG', 'no such thing', { place: { parameter: 'colour' } })
