// The records of a topic as they come: read on from where the last answer ended, so that a pause loses nothing.

import { ApiError, get } from '../shared/api.js'
import { element, reconcile, setText } from '../shared/dom.js'
import { failureText } from '../shared/failure.js'
import { formatCount, formatTradeTime } from '../shared/format.js'
import { Poller } from '../shared/poller.js'
import { renderRows } from '../shared/rows.js'

const everyMs = 1_000
const recordsMax = 200
/** Of more that pass the filter, the oldest are not shown any more. */
const shownMax = 500
const wholeCharacters = 1_000_000

const node = (id) => document.getElementById(`tail-${id}`)

export class Tail {
  #topics = []
  #poller
  /** What is read: `{ topic, partition, begin }`; null: nothing yet. */
  #reading = null
  #cursor = null
  #records = []
  #counts = { read: 0, dropped: 0, deleted: 0, behind: 0 }
  #isPaused = false
  #trouble = null
  #copied = null

  constructor() {
    this.#poller = new Poller({
      poll: (signal) => this.#poll(signal),
      onFailure: (error, waitMs) => {
        this.#trouble = error instanceof ApiError ? error.message : failureText(error, waitMs)
        this.#render()
      },
    })
    node('form').addEventListener('submit', (event) => {
      event.preventDefault()
      this.#read()
    })
    node('topic').addEventListener('change', () => this.#showPartitions())
    node('from').addEventListener('change', () => this.#showFields())
    node('filter').addEventListener('input', () => this.#render())
    node('pause').addEventListener('click', () => this.#setPaused(!this.#isPaused))
    node('skip').addEventListener('click', () => this.#skip())
    const rows = node('rows')
    rows.setAttribute('role', 'region')
    rows.setAttribute('aria-label', 'Records')
    rows.tabIndex = 0
  }

  get isKnown() {
    return this.#topics.length > 0
  }

  set topics(topics) {
    this.#topics = topics
    reconcile(
      node('topic'),
      topics,
      ({ name }) => name,
      ({ name, purpose }) => element('option', { value: name }, `${name} (${purpose})`),
      () => {},
    )
    this.#showPartitions()
  }

  /** Why there is nothing to be read. */
  refuse(message) {
    node('form').hidden = true
    node('rows').hidden = true
    setText(node('state'), message)
  }

  /** Leads to a record. */
  show({ topic, partition, offset }) {
    node('topic').value = topic
    this.#showPartitions()
    node('partition').value = String(partition)
    node('from').value = 'offset'
    node('offset').value = String(offset)
    node('filter').value = ''
    this.#showFields()
    this.#read()
    document.getElementById('tail').focus()
  }

  #showPartitions() {
    const { partitions = 0 } = this.#topics.find(({ name }) => name === node('topic').value) ?? {}
    reconcile(
      node('partition'),
      ['', ...Array.from({ length: partitions }, (_, partition) => String(partition))],
      (value) => `p${value}`,
      (value) => element('option', { value }, value === '' ? 'all' : value),
      () => {},
    )
  }

  #showFields() {
    const { value } = node('from')
    node('offset-label').hidden = value !== 'offset'
    node('time-label').hidden = value !== 'time'
    // An offset is one of a partition.
    if (value === 'offset' && node('partition').value === '') node('partition').value = '0'
  }

  #read() {
    const begin = {
      newest: {},
      offset: { offset: node('offset').value },
      time: { time: timeOf(node('time').value) },
    }
    this.#reading = {
      topic: node('topic').value,
      partition: node('partition').value,
      begin: begin[node('from').value],
    }
    this.#begin()
  }

  #begin() {
    this.#cursor = null
    this.#records = []
    this.#counts = { read: 0, dropped: 0, deleted: 0, behind: 0 }
    this.#setPaused(false)
  }

  #skip() {
    this.#reading = { ...this.#reading, begin: {} }
    this.#begin()
  }

  #setPaused(isPaused) {
    this.#isPaused = isPaused
    this.#trouble = null
    this.#poller.everyMs = isPaused ? 0 : everyMs
    if (!isPaused) this.#poller.refresh()
    this.#render()
  }

  async #poll(signal) {
    const reading = this.#reading
    const { topic, partition, begin } = reading
    const from = this.#cursor === null ? begin : { after: this.#cursor }
    const query = new URLSearchParams({ topic, limit: recordsMax, ...(partition && { partition }), ...from })
    const answer = await get(`/api/pipeline/records?${query}`, signal)
    // Something else was asked for meanwhile, or it is to stand.
    if (reading !== this.#reading || this.#isPaused) return
    this.#trouble = null
    this.#take(answer)
    this.#render()
    if (answer.behind > 0) this.#poller.refresh()
  }

  #take({ records, cursor, behind, deleted }) {
    this.#cursor = cursor
    this.#records.push(...records)
    const dropped = Math.max(0, this.#records.length - shownMax)
    this.#records.splice(0, dropped)
    const counts = this.#counts
    this.#counts = {
      read: counts.read + records.length,
      dropped: counts.dropped + dropped,
      deleted: counts.deleted + deleted,
      behind,
    }
  }

  #render() {
    const filter = node('filter').value.toLowerCase()
    const shown = this.#records.filter((record) => textOf(record).toLowerCase().includes(filter)).toReversed()
    const nowMs = Date.now()
    renderRows(node('records'), shown, ({ partition, offset }) => `${partition}:${offset}`, [
      { label: 'Place', header: true, text: ({ partition, offset }) => `${partition}:${offset}` },
      { label: 'Time', text: ({ time }) => formatTradeTime(time, nowMs) },
      { label: 'Key', text: ({ key }) => shownText(key) },
      { label: 'Value', text: ({ value }) => shownText(value) },
      {
        label: 'Headers',
        text: ({ headers }) =>
          headers.map(({ name, value }) => `${name}: ${shownText(value)}`).join(', ') || '–',
      },
      { label: 'Whole', draw: (cell, record) => this.#drawCopy(cell, record) },
    ])
    const isReading = this.#reading !== null
    node('pause').hidden = !isReading
    setText(node('pause'), this.#isPaused ? 'Continue' : 'Pause')
    node('skip').hidden = this.#counts.behind === 0
    setText(node('state'), this.#state(shown.length))
  }

  #state(shown) {
    if (this.#trouble !== null) return this.#trouble
    if (this.#reading === null) return 'Choose a topic, and read.'
    const { read, dropped, deleted, behind } = this.#counts
    const parts = [`${formatCount(read)} read, ${formatCount(shown)} shown`]
    if (behind > 0) parts.push(`${formatCount(behind)} more to come`)
    if (dropped > 0) parts.push(`the oldest ${formatCount(dropped)} are not kept here any more`)
    if (deleted > 0) parts.push(`${formatCount(deleted)} were deleted in Kafka before they could be shown`)
    if (this.#isPaused) parts.push('paused: it goes on from here')
    if (this.#copied !== null) parts.push(this.#copied)
    return `${parts.join('; ')}.`
  }

  #drawCopy(cell, record) {
    if (cell.firstChild) return
    const { topic } = this.#reading
    const place = `${topic}/${record.partition}:${record.offset}`
    const button = element('button', { type: 'button', 'aria-label': `Copy ${place}` }, 'Copy')
    button.addEventListener('click', () => void this.#copy(topic, record, place))
    cell.append(button)
  }

  /** Whole, though it is shown cut. */
  async #copy(topic, { partition, offset }, place) {
    const query = new URLSearchParams({ topic, partition, offset, limit: 1, characters: wholeCharacters })
    try {
      const { records } = await get(`/api/pipeline/records?${query}`, new AbortController().signal)
      await navigator.clipboard.writeText(JSON.stringify(records[0], null, 2))
      this.#copied = `${place} is copied`
    } catch (error) {
      this.#copied = `${place} can't be copied: ${error.message}`
    }
    this.#render()
  }
}

const timeOf = (local) => (local === '' ? Date.now() : new Date(local).getTime())

function shownText(bytes) {
  if (bytes === null) return 'null'
  const cut = bytes.cut ? `… (${formatCount(bytes.bytes)} bytes)` : ''
  return `${bytes.as === 'hex' ? '0x' : ''}${bytes.text}${cut}`
}

const textOf = ({ key, value, headers }) =>
  [key, value, ...headers.map((header) => header.value)].map(shownText).join(' ') +
  headers.map(({ name }) => name).join(' ')
