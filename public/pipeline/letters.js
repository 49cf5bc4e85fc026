// What was put away, and why: the newest of each dead-letter topic, and the way to the record that it was.

import { get } from '../shared/api.js'
import { element } from '../shared/dom.js'
import { formatCount, formatMoment } from '../shared/format.js'

const lettersMax = 20

/** Asks each of the topics for its newest; rejects as `get` does. */
export async function readLetters(topics, signal) {
  const letters = []
  for (const { name } of topics.filter(({ purpose }) => purpose === 'dead letters')) {
    const query = new URLSearchParams({ topic: name, limit: lettersMax, characters: 200 })
    const { records } = await get(`/api/pipeline/records?${query}`, signal)
    letters.push(...records.map((record) => letterOf(name, record)))
  }
  return letters.toSorted((a, b) => (a.time < b.time ? 1 : -1))
}

/** What was put around a record stands behind its own headers. */
function letterOf(topic, { partition, offset, time, value, headers }) {
  const told = new Map(headers.map((header) => [header.name, header.value?.text ?? '']))
  const from = told.get('topic')
  const origin =
    from === undefined
      ? null
      : { topic: from, partition: Number(told.get('partition')), offset: Number(told.get('offset')) }
  return {
    place: { topic, partition, offset },
    time,
    bytes: value?.bytes ?? 0,
    reason: told.get('reason') ?? '–',
    step: told.get('step') ?? '–',
    origin,
  }
}

const textOf = ({ topic, partition, offset }) => `${topic}/${partition}:${offset}`

/** As `TablePanel` takes it: of `letters`, `nowMs` and `show(place)`, which leads to a record. */
export const lettersTable = {
  ...{
    id: 'letters',
    name: 'dead letters',
    title: 'Dead letters',
    note: 'the newest of each topic',
    calm: 'None.',
  },
  isLong: true,
  rows: ({ letters }) => letters,
  keyOf: ({ place }) => textOf(place),
  columns: ({ nowMs, show }) => [
    { label: 'Time', text: ({ time }) => formatMoment(Date.parse(time), nowMs) },
    { label: 'Reason', header: true, text: ({ reason }) => reason },
    { label: 'Step', text: ({ step }) => step },
    { label: 'Place', text: ({ origin }) => (origin ? textOf(origin) : 'a source') },
    { label: 'Bytes', className: 'number', text: ({ bytes }) => formatCount(bytes) },
    {
      label: 'Record',
      draw: (cell, { place, origin }) => {
        if (cell.firstChild) return
        cell.append(leadTo('Letter', place, show))
        if (origin) cell.append(' ', leadTo('Original', origin, show))
      },
    },
  ],
}

function leadTo(text, place, show) {
  const button = element('button', { type: 'button', 'aria-label': `${text} at ${textOf(place)}` }, text)
  button.addEventListener('click', () => show(place))
  return button
}
