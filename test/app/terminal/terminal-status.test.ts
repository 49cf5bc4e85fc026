import { VirtualTimeScheduler } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import type { Problem } from '../../../src/app/problems.ts'
import { TerminalBlock } from '../../../src/app/terminal/terminal-block.ts'
import { type TerminalLines, TerminalStatus } from '../../../src/app/terminal/terminal-status.ts'
import { createClock } from '../../../src/clock.ts'
import type { GapStatus, PipelineStatus, TaskStatus } from '../../../src/runtime/pipeline-status.ts'
import { pipelineStatus } from '../../support/pipeline-status.ts'
import { Terminal } from '../../support/terminal.ts'

interface Told {
  readonly status?: Partial<PipelineStatus>
  readonly problems?: readonly Problem[]
  readonly own?: () => TerminalLines
}

/** What a terminal shows while `at` says by the second how a program is. */
function shownBy(at: (second: number) => Told, terminal = new Terminal({ columns: 100 })) {
  const scheduler = new VirtualTimeScheduler()
  const told = () => at(scheduler.now() / 1_000)
  const shown = new TerminalStatus({
    block: new TerminalBlock({ output: terminal, others: [], isStyled: false }),
    url: 'http://127.0.0.1:8502/',
    running: { status: () => pipelineStatus(told().status) },
    problemsIn: () => told().problems ?? [],
    ownLines: () => told().own?.() ?? {},
    clock: createClock(scheduler),
  })
  onTestFinished(() => shown.close())
  const until = (second: number) => {
    scheduler.maxFrames = second * 1_000
    scheduler.flush()
    return terminal.lines
  }
  return { shown, until, terminal }
}

const steps: Partial<PipelineStatus> = {
  nodes: [
    { name: 'feed', kind: 'source', rate: 1_234.4, total: 1 },
    { name: 'to clicks', kind: 'sink', rate: 1_234.4, total: 1 },
    { name: 'to table', kind: 'sink', rate: 0.21, total: 1 },
  ],
  edges: [
    { from: 'feed', to: 'to clicks' },
    { from: 'to clicks', to: 'to table' },
  ],
}

function task(offsets: number, of: number): TaskStatus {
  return {
    ...{ task: 'clicks_0', sub_topology: 1, busy: 0, held_back: 0, stream_time: null, stores: [] },
    state: offsets < of ? 'restoring' : 'running',
    restored: { offsets, of },
  }
}

function gap(records: number, repaired: string | null): GapStatus {
  return { ...{ source: 'feed', part: 'a', from: '1', to: '9', since: iso(2) }, records, repaired }
}

const iso = (second: number) => new Date(second * 1_000).toISOString()

test('says where the program answers, what goes in and out, and how far each reader is behind', () => {
  const progress = { committed: 5, lag: 1_200, lag_seconds: 12, catches_up_in_seconds: 30 }
  const partitions = [0, 1].map((partition) => ({
    ...{ topic: 'clicks', partition, end_offset: 9, as_of: iso(0), ...progress },
    readers: [
      { reader: 'to table', ...progress },
      { reader: 'clicks', ...progress, lag: 0, lag_seconds: 0 },
    ],
  }))
  const { until } = shownBy(() => ({ status: { ...steps, partitions } }))
  expect(until(1)).toEqual([
    'shop · http://127.0.0.1:8502/',
    'in  feed 1,234/s',
    'out to table 0.21/s',
    'lag to table 2,400 (12 s), caught up in 30 s · clicks 0',
  ])
})

test('says what is wrong before all else, with what to do', () => {
  const problem: Problem = {
    ...{ kind: 'sink', name: 'to table', since: iso(0) },
    ...{ what: 'The sink "to table" can\'t write.', advice: 'It tries again by itself.' },
  }
  const { until } = shownBy(() => ({ status: steps, problems: [problem] }))
  expect(until(1).slice(0, 3)).toEqual([
    'shop · http://127.0.0.1:8502/',
    '! The sink "to table" can\'t write.',
    '  It tries again by itself.',
  ])
})

test('says how fast a state is restored and what is left, and nothing more when it is', () => {
  const { until } = shownBy((second) => ({ status: { tasks: [task(Math.min(1_000, second * 100), 1_000)] } }))
  expect(until(4)).toContain('restore clicks_0: 40 % of 1,000, 100/s, 6 s left')
  expect(until(10)).toEqual(['shop · http://127.0.0.1:8502/'])
})

test('says how far what was missed has been fetched, of all gaps that came meanwhile', () => {
  const { until } = shownBy((second) => ({
    status: {
      counters: { backfilled: 7_000 + 50 * Math.max(0, second - 2) },
      gaps: [
        { ...gap(900, iso(1)), since: iso(0) },
        ...(second >= 3 ? [gap(100, second >= 4 ? iso(4) : null)] : []),
        ...(second >= 4 ? [{ ...gap(300, second >= 10 ? iso(10) : null), since: iso(4) }] : []),
      ],
    },
  }))
  expect(until(3)).toContain('backfill: 50 % of 100')
  expect(until(5)).toContain('backfill: 37 % of 400, 50/s, 5 s left')
  expect(until(10)).toEqual(['shop · http://127.0.0.1:8502/'])
})

test('shows lines and progress of the program itself; where these fail, why', () => {
  const { until } = shownBy((second) => ({
    own: () => {
      if (second >= 5) throw new Error('no such store')
      return { lines: ['a 1 · b 2'], progress: [{ name: 'replay', done: 2 * second, of: 8 }] }
    },
  }))
  expect(until(2).slice(1)).toEqual(['replay: 50 % of 8, 2/s, 2 s left', 'a 1 · b 2'])
  expect(until(4).slice(1)).toEqual(['a 1 · b 2'])
  expect(until(5).slice(1)).toEqual(['no such store'])
})

test('is rewritten once a second, and gone when it is closed', () => {
  let looks = 0
  const { shown, until, terminal } = shownBy(() => ({ own: () => ({ lines: [`look ${++looks}`] }) }))
  expect(until(9).at(-1)).toBe('look 10')
  shown.close()
  expect(terminal.lines).toEqual([''])
  expect(until(20)).toEqual([''])
})

test('names can not take the terminal over', () => {
  const { until, terminal } = shownBy(() => ({ status: { topology: 'a\x1b]0;title\x07\nb' } }))
  expect(until(1)).toEqual(['a ]0;title b · http://127.0.0.1:8502/'])
  expect(terminal.text).not.toContain('\x07')
})
