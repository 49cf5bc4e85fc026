import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { type Clock, type Logger, messageOf, RivuletError } from 'rivulet'
import { BehaviorSubject, finalize, fromEvent, lastValueFrom, takeUntil, tap } from 'rxjs'
import { coinbaseFeed, type FeedOptions } from './feed.ts'

export interface RecordOptions extends FeedOptions {
  readonly file: string
  readonly clock: Clock
  readonly logger: Logger
  /** Ends the recording: what was received is on disk when the promise resolves. */
  readonly signal: AbortSignal
}

/**
 * Appends what the exchange sends to a file, one message a line, until the signal is aborted; connects again when it
 * must. Returns how many lines were written. Rejects with `SOURCE_FAILED` when the file can't be written.
 */
export async function recordFeed(options: RecordOptions): Promise<number> {
  const { file, clock, logger, signal } = options
  const paused$ = new BehaviorSubject(false)
  const output = createWriteStream(file, { flags: 'a' })
  const failed = new Promise<never>((_, reject) => {
    output.on('error', (cause) => {
      reject(new RivuletError('SOURCE_FAILED', `${file} can't be written: ${messageOf(cause)}`, { cause }))
    })
  })
  output.on('drain', () => paused$.next(false))
  // A line that a crash cut off is not continued.
  if (await endsWithinLine(file)) output.write('\n')

  let lines = 0
  const write = (bytes: Buffer) => {
    const room = output.write(`${bytes.toString().replaceAll(/[\r\n]+/g, ' ')}\n`)
    lines++
    if (!room) paused$.next(true)
  }
  const recorded$ = coinbaseFeed(options, { clock, logger, paused$ }).pipe(
    tap((event) => {
      switch (event.type) {
        case 'trade':
        case 'heartbeat':
        case 'bad':
          write(event.bytes)
          break
        case 'rejected':
          for (const product of event.products) {
            logger.error({ product }, `Coinbase rejects ${product} (${event.reason})`)
          }
          break
      }
    }),
    takeUntil(fromEvent(signal, 'abort')),
    finalize(() => output.end()),
  )
  const flushed = new Promise<void>((resolve) => output.on('finish', () => resolve()))
  if (!signal.aborted) await Promise.race([lastValueFrom(recorded$, { defaultValue: undefined }), failed])
  else output.end()
  await Promise.race([flushed, failed])
  return lines
}

async function endsWithinLine(file: string): Promise<boolean> {
  const handle = await open(file, 'a+').catch(() => undefined)
  if (!handle) return false
  try {
    const { size } = await handle.stat()
    if (size === 0) return false
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
    return buffer[0] !== 0x0a
  } finally {
    await handle.close()
  }
}
