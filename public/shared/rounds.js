// How a page keeps itself up to date: how often it asks, as its control says, and what it says of how that goes.

import { ApiError, Unreachable } from './api.js'
import { element, setText } from './dom.js'
import { failureText } from './failure.js'
import { formatClock } from './format.js'
import { Poller } from './poller.js'

/** How often what is shown is seen to grow old, unless a round shows it anew. */
const ageingMs = 1_000

const node = (id) => document.getElementById(id)

export class Rounds {
  /** When the last one was shown; null: none was. */
  updatedAt = null
  /** Why the last one failed; null: it did not. */
  failure = null
  #retryInMs = null
  #poller

  /**
   * `poll(signal)` asks for what is new, `render()` shows it, `renderState()` how all of it stands: behind a failure, too, and
   * while nothing comes any more. `seconds`: `{ choices, chosen }` of how often.
   */
  constructor({ poll, render, renderState, seconds }) {
    this.#poller = new Poller({
      poll: async (signal) => {
        await poll(signal)
        this.updatedAt = new Date()
        this.failure = null
        render()
      },
      onFailure: (error, waitMs) => {
        if (!(error instanceof ApiError || error instanceof Unreachable)) reportError(error)
        this.failure = error
        this.#retryInMs = waitMs
        renderState()
      },
    })
    setInterval(() => {
      const isOld = this.updatedAt !== null && Date.now() - this.updatedAt >= ageingMs
      if (isOld && !document.hidden) renderState()
    }, ageingMs)
    this.#followControls(seconds)
  }

  /** At once; when one is under way, right after it. */
  refresh() {
    this.#poller.refresh()
  }

  /** Why the last one failed, and when the next one follows. */
  get failureText() {
    return failureText(this.failure, this.#retryInMs)
  }

  /** In the bar: how the connection is. At the page's lower end: what to do; null: nothing. */
  say({ state, text, notice }) {
    const connection = node('connection')
    connection.dataset.state = state
    setText(connection, text)
    if (this.updatedAt !== null) {
      setText(node('updated'), formatClock(this.updatedAt))
      node('updated').dateTime = this.updatedAt.toISOString()
    }
    setText(node('notice'), notice ?? '')
    node('notice').hidden = notice === null
    document.body.classList.toggle('stale', this.failure !== null)
  }

  #followControls({ choices, chosen }) {
    const list = node('refresh-every')
    for (const seconds of [0, ...choices]) {
      const option = element('option', { value: String(seconds) }, seconds === 0 ? 'Off' : `${seconds} s`)
      option.selected = seconds === chosen
      list.append(option)
    }
    const choose = () => {
      this.#poller.everyMs = Number(list.value) * 1000
    }
    list.addEventListener('change', choose)
    node('refresh').addEventListener('click', () => this.refresh())
    choose()
  }
}
