// The tables of a pipeline, as `TablePanel` takes them: of its status, and of `nowMs`.

import { element, setText } from '../shared/dom.js'
import { formatCount, formatMoment, formatNumber } from '../shared/format.js'
import { formatSeconds } from './units.js'

const number = 'number'
const well = new Set(['running', 'idle', 'writing', 'live', 'elsewhere', 'stopped', 'connecting', 'starting'])
const toneOf = ({ state }) => (well.has(state) ? '' : 'trouble')

const momentOf = (time, nowMs) => (time === null ? '–' : formatMoment(Date.parse(time), nowMs))
const percent = (share) => `${formatNumber(share * 100, 0)} %`

export const tasksTable = {
  ...{ id: 'tasks', name: 'tasks', title: 'Tasks', note: 'over the last seconds', calm: 'None runs here.' },
  rows: ({ tasks }) => tasks,
  keyOf: ({ task }) => task,
  columns: ({ nowMs }) => [
    { label: 'Task', header: true, text: ({ task }) => task },
    { label: 'State', text: stateOfTask, tone: toneOf },
    { label: 'Busy, held back, idle', draw: drawLoad },
    { label: 'Event time', text: ({ stream_time: time }) => momentOf(time, nowMs) },
    {
      label: 'Behind the clock',
      className: number,
      text: ({ stream_time: time }) =>
        time === null ? '–' : formatSeconds(Math.max(0, (nowMs - Date.parse(time)) / 1_000)),
    },
    {
      label: 'Stores',
      text: ({ stores }) =>
        stores.map(({ name, entries }) => `${name}: ${formatCount(entries)}`).join(', ') || '–',
    },
  ],
}

function stateOfTask({ state, restored }) {
  if (state !== 'restoring' || restored === null) return state
  return `restoring, ${percent(restored.offsets / restored.of)} of ${formatCount(restored.of)}`
}

function drawLoad(cell, { busy, held_back: heldBack }) {
  if (!cell.firstChild) {
    const bar = element('span', { className: 'load-bar', 'aria-hidden': 'true' })
    cell.append(element('span', { className: 'load' }, bar, element('span')))
  }
  const [bar, text] = cell.firstChild.children
  bar.style.setProperty('--busy', `${busy * 100}%`)
  bar.style.setProperty('--held', `${(busy + heldBack) * 100}%`)
  setText(text, [busy, heldBack, Math.max(0, 1 - busy - heldBack)].map(percent).join(' · '))
}

export const sourcesTable = {
  ...{ id: 'sources', name: 'sources', title: 'Sources' },
  isShown: ({ sources }) => sources.length > 0,
  rows: ({ sources }) => sources,
  keyOf: ({ name }) => name,
  columns: ({ nowMs }) => [
    { label: 'Source', header: true, text: ({ name }) => name },
    { label: 'State', text: ({ state }) => state, tone: toneOf },
    { label: 'Last message', text: ({ last_message: time }) => momentOf(time, nowMs) },
    {
      label: 'Reason',
      text: ({ problem, rejected }) =>
        [
          ...rejected.map(({ part, reason }) => `${part}: ${reason}`),
          ...(rejected.length ? [] : [problem ?? '–']),
        ].join('; '),
    },
  ],
}

export const sinksTable = {
  ...{ id: 'sinks', name: 'sinks', title: 'Sinks' },
  isShown: ({ sinks }) => sinks.length > 0,
  rows: ({ sinks }) => sinks,
  keyOf: ({ name }) => name,
  columns: ({ nowMs }) => [
    { label: 'Sink', header: true, text: ({ name }) => name },
    {
      label: 'State',
      text: ({ state, since }) => `${state} since ${momentOf(since, nowMs)}`,
      tone: toneOf,
    },
    { label: 'Last write', text: ({ last_write: time }) => momentOf(time, nowMs) },
    {
      label: 'Took',
      className: number,
      text: ({ last_write_seconds: seconds }) => formatSeconds(seconds),
    },
    { label: 'Rows', className: number, text: ({ rows }) => formatCount(rows) },
    { label: 'Retries', className: number, text: ({ retries }) => formatCount(retries) },
    { label: 'Reason', text: ({ problem }) => problem ?? '–' },
  ],
}

export const gapsTable = {
  ...{
    id: 'gaps',
    name: 'gaps',
    title: 'Gaps',
    note: 'what sources have missed',
    calm: 'None since the start.',
  },
  isLong: true,
  isShown: ({ sources }) => sources.length > 0,
  /** The newest first. */
  rows: ({ gaps }) => gaps.toReversed(),
  keyOf: ({ source, part, from, since }) => `${source} ${part} ${from} ${since}`,
  columns: ({ nowMs }) => [
    { label: 'Source', header: true, text: ({ source }) => source },
    { label: 'Part', text: ({ part }) => part },
    { label: 'From', text: ({ from }) => from },
    { label: 'To', text: ({ to }) => to },
    { label: 'Records', className: number, text: ({ records }) => formatCount(records) },
    { label: 'Noticed', text: ({ since }) => momentOf(since, nowMs) },
    {
      label: 'Repaired',
      text: ({ repaired, reason }) =>
        repaired === null ? (reason ? `never: ${reason}` : 'not yet') : momentOf(repaired, nowMs),
      tone: ({ repaired }) => (repaired === null ? 'trouble' : ''),
    },
  ],
}

export const lateTable = {
  ...{ id: 'late', name: 'late records', title: 'Late records', note: 'by the window that they missed' },
  calm: 'None of the tasks that run here.',
  isLong: true,
  /** The newest first. */
  rows: ({ late }) => late.toSorted((a, b) => (a.window_start < b.window_start ? 1 : -1)),
  keyOf: ({ step, window_start: start }) => `${step} ${start}`,
  columns: ({ nowMs }) => [
    { label: 'Step', header: true, text: ({ step }) => step },
    { label: 'Window from', text: ({ window_start: start }) => momentOf(start, nowMs) },
    { label: 'To', text: ({ window_end: end }) => momentOf(end, nowMs) },
    { label: 'Records', className: number, text: ({ records }) => formatCount(records) },
  ],
}

export const readersTable = {
  ...{
    id: 'readers',
    name: 'partitions',
    title: 'Partitions',
    note: 'by reader',
    calm: 'Nothing is read here.',
  },
  rows: ({ partitions }) =>
    partitions.flatMap(({ topic, partition, end_offset: end, readers }) =>
      readers.map((reader) => ({ ...reader, place: `${topic}/${partition}`, end })),
    ),
  keyOf: ({ place, reader }) => `${place} ${reader}`,
  columns: () => [
    { label: 'Partition', header: true, text: ({ place }) => place },
    { label: 'Reader', text: ({ reader }) => reader },
    { label: 'End', className: number, text: ({ end }) => formatCount(end) },
    { label: 'Committed', className: number, text: ({ committed }) => formatCount(committed) },
    { label: 'Waiting', className: number, text: ({ lag }) => formatCount(lag) },
    {
      label: 'The oldest for',
      className: number,
      text: ({ lag, lag_seconds: seconds }) => (lag === 0 ? '–' : formatSeconds(seconds)),
    },
    {
      label: 'Caught up in',
      className: number,
      text: ({ lag, catches_up_in_seconds: seconds }) => (lag === 0 ? '–' : formatSeconds(seconds)),
    },
  ],
}
