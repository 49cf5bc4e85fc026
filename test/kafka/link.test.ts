import { Duplex } from 'node:stream'
import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { createClock } from '../../src/clock.ts'
import { connectKafka } from '../../src/kafka/kafka.ts'
import type { SocketFactory } from '../../src/kafka/options.ts'
import { silentLogger } from '../../src/logger.ts'

/** A node that takes everything and says nothing. */
function silentNode(accepts: boolean): SocketFactory {
  return ({ onConnect }) => {
    const socket = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() })
    if (accepts) queueMicrotask(onConnect)
    return Object.assign(socket, { setKeepAlive() {}, setNoDelay() {}, unref() {}, ref() {} }) as never
  }
}

/** Fires the timers one after the other until the work has ended; real time does not pass. */
async function virtually<T>(work: (scheduler: VirtualTimeScheduler) => Promise<T>) {
  const scheduler = new VirtualTimeScheduler()
  let isOver = false
  const settled = work(scheduler).finally(() => {
    isOver = true
  })
  settled.catch(() => {})
  while (!isOver) {
    await new Promise(setImmediate)
    const next = scheduler.actions[0]
    if (!next) continue
    scheduler.maxFrames = next.delay
    scheduler.flush()
  }
  return { settled, ms: scheduler.frame }
}

describe('a link to a node', () => {
  test.each([
    ['that takes no connection', false, 'no connection within 700 ms', 700],
    ['that answers nothing', true, 'no answer within 4000 ms', 4_000],
  ])('%s is given up when its time is over', async (_, accepts, why, ms) => {
    const given = new AbortController()
    const { settled, ms: elapsedMs } = await virtually((scheduler) => {
      const kafka = connectKafka({
        brokers: ['node:9092'],
        clientId: 'test',
        clock: createClock(scheduler, () => 0.5),
        logger: silentLogger,
        connectTimeoutMs: 700,
        requestTimeoutMs: 4_000,
        socketFactory: silentNode(accepts),
        onTrouble: (reason) => {
          if (reason?.includes('within')) given.abort(reason)
        },
      })
      const asked = kafka.admin.offsets('topic')
      const troubled = new Promise<never>((_resolve, reject) => {
        given.signal.addEventListener('abort', () => reject(new Error(String(given.signal.reason))))
      })
      return Promise.race([asked, troubled])
    })
    await expect(settled).rejects.toThrow(why)
    expect(elapsedMs).toBeGreaterThanOrEqual(ms)
  })

  test('to a broker that is too old says so', async () => {
    const kafka = connectKafka({
      brokers: ['node:9092'],
      clientId: 'test',
      logger: silentLogger,
      socketFactory: nodeThatFetchesOffsetsUpTo(5),
    })
    await expect(kafka.admin.offsets('topic')).rejects.toMatchObject({
      code: 'KAFKA_FAILED',
      message: expect.stringContaining('which Kafka 2.5 brought'),
    })
  })
})

/** Answers ApiVersions, and nothing else. */
function nodeThatFetchesOffsetsUpTo(version: number): SocketFactory {
  return ({ onConnect }) => {
    const socket = new Duplex({
      read() {},
      write(request: Buffer, _encoding, done) {
        const answer = Buffer.alloc(24)
        answer.writeInt32BE(answer.length - 4)
        answer.writeInt32BE(request.readInt32BE(8), 4) // correlation id
        answer.writeInt32BE(1, 10)
        answer.writeInt16BE(9, 14)
        answer.writeInt16BE(version, 18)
        socket.push(answer)
        done()
      },
    })
    queueMicrotask(onConnect)
    return Object.assign(socket, { setKeepAlive() {}, setNoDelay() {}, unref() {}, ref() {} }) as never
  }
}
