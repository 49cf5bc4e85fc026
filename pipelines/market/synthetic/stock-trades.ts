import type { SourceContext } from 'rivulet'
import {
  defer,
  finalize,
  firstValueFrom,
  from,
  fromEvent,
  merge,
  type Observable,
  Subject,
  switchMap,
  tap,
} from 'rxjs'
import { countFromZero, emptyTape, readTapeEnd, type Tape, type TapeEnd } from '../resume.ts'
import { symbolOf, type Trade } from '../trade.ts'
import { type Instrument, stockInstruments } from './instrument.ts'
import { microseconds } from './microseconds.ts'
import { SyntheticTape } from './synthetic-tape.ts'

const minuteMs = 60_000
/** A burst comes as one, and an idle program does not wake up for each trade. */
const stepMsMin = 50

export interface StockOptions<K, V> {
  /** Another seed is another market. */
  readonly seed: number
  /** The topic that the trades end up in; absent: each start begins with the present. */
  readonly tape?: Tape<K, V>
  /** Default: AAPL, AMZN, GOOGL, META, MSFT. */
  readonly instruments?: readonly Instrument[]
  /** For each symbol: after a longer absence, the older trades are counted as `gaps`. */
  readonly backfillTradesMax?: number
}

/**
 * A stock market that is always open: seeded random walks, each trade once and all in the order of time. It is a
 * function of the seed and the clock, so after a restart it goes on behind the end of the tape with what would have
 * happened in between. An empty tape begins with the present. Counters: `backfilled`, `gaps`.
 */
export function stockTrades<K, V>(
  options: StockOptions<K, V>,
): (context: SourceContext) => Observable<Trade> {
  const { seed, tape, instruments = stockInstruments, backfillTradesMax = 100_000 } = options
  return (context) =>
    defer(async () => {
      context.setState('connecting')
      return tape
        ? readTapeEnd(
            tape,
            instruments.map(({ product }) => product),
            context,
          )
        : emptyTape
    }).pipe(
      switchMap((end) =>
        tradesFrom(
          instruments.map((each) => new SyntheticTape(each, seed)),
          end,
          backfillTradesMax,
          context,
        ),
      ),
    )
}

function tradesFrom(
  tapes: readonly SyntheticTape[],
  end: TapeEnd,
  backfillTradesMax: number,
  context: SourceContext,
): Observable<Trade> {
  return defer(() => {
    countFromZero(context)
    const stop = new AbortController()
    const resumed = new Subject<void>()
    let paused = false
    const pauses = context.paused$.pipe(
      tap((value) => {
        paused = value
        if (!paused) resumed.next()
      }),
      switchMap(() => []),
    )

    async function* generate(): AsyncIterable<Trade> {
      const { clock } = context
      const nextIds = startIds(tapes, end, backfillTradesMax, context)
      for (;;) {
        const nowMs = clock.now()
        for (const trade of happened(tapes, nextIds, nowMs)) {
          while (paused) await firstValueFrom(merge(resumed, fromEvent(stop.signal, 'abort')))
          if (stop.signal.aborted) return
          context.messageReceived()
          nextIds.set(trade.product, trade.tradeId + 1)
          yield trade
        }
        context.setState('live')
        const nextMs = Math.min(
          ...tapes.map((tape) => tape.trade(nextIds.get(tape.instrument.product) ?? 1).timeMs),
        )
        await clock.sleep(Math.max(stepMsMin, Math.ceil(nextMs - clock.now())), stop.signal)
      }
    }

    return merge(pauses, from(generate())).pipe(
      finalize(() => {
        stop.abort()
        context.setState('stopped')
      }),
    )
  })
}

/** The id that each product goes on with. */
function startIds(
  tapes: readonly SyntheticTape[],
  end: TapeEnd,
  backfillTradesMax: number,
  { clock, logger, count, setState }: SourceContext,
): Map<string, number> {
  const nextIds = new Map<string, number>()
  const nowMs = clock.now()
  for (const tape of tapes) {
    const { product } = tape.instrument
    const presentId = tape.lastIdAt(nowMs)
    const lastId = end.get(product) ?? presentId
    const missed = Math.max(0, presentId - lastId)
    const fetched = Math.min(missed, backfillTradesMax)
    if (missed > fetched) {
      count('gaps', missed - fetched)
      logger.warn(
        { product, trades: missed - fetched },
        `more than ${backfillTradesMax} trades were missed: a gap stays`,
      )
    }
    if (fetched > 0) {
      count('backfilled', fetched)
      setState('recovering')
    }
    nextIds.set(product, Math.max(lastId, presentId - fetched) + 1)
  }
  return nextIds
}

/** All trades from the next ids on that have happened at `nowMs`, in the order of time; a minute of them in memory. */
function* happened(
  tapes: readonly SyntheticTape[],
  nextIds: ReadonlyMap<string, number>,
  nowMs: number,
): Iterable<Trade> {
  const firstMs = Math.min(
    ...tapes.map((tape) => tape.trade(nextIds.get(tape.instrument.product) ?? 1).timeMs),
  )
  for (let minute = Math.floor(firstMs / minuteMs); minute * minuteMs <= nowMs; minute++) {
    const trades: Trade[] = []
    for (const tape of tapes) {
      const { product } = tape.instrument
      const nextId = nextIds.get(product) ?? 1
      for (const { tradeId, timeMs, price, size, takerSide } of tape.minute(minute)) {
        if (tradeId < nextId || timeMs > nowMs) continue
        const time = microseconds(timeMs)
        const symbol = symbolOf(product)
        trades.push({
          product,
          symbol,
          tradeId,
          price,
          size,
          time,
          timestampMs: Math.floor(timeMs),
          takerSide,
        })
      }
    }
    yield* trades.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
  }
}
