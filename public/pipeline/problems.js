import { element, reconcile, setText } from '../shared/dom.js'
import { formatAge, formatMoment } from '../shared/format.js'

/** What is wrong, since when, and what to do. */
export function renderProblems(list, calm, { problems, nowMs }) {
  calm.hidden = problems.length > 0
  reconcile(
    list,
    problems,
    ({ kind, name }) => `${kind} ${name}`,
    () =>
      element(
        'li',
        {},
        element('p', { className: 'problem-what' }),
        element(
          'p',
          {},
          // Else the list would be read out anew each second.
          element('span', { className: 'problem-since', 'aria-live': 'off' }),
          element('span', { className: 'problem-advice' }),
        ),
      ),
    (item, { what, advice, since }) => {
      const sinceMs = Date.parse(since)
      setText(item.querySelector('.problem-what'), what)
      setText(
        item.querySelector('.problem-since'),
        `Since ${formatMoment(sinceMs, nowMs)} (${formatAge(nowMs - sinceMs)})`,
      )
      setText(item.querySelector('.problem-advice'), advice)
    },
  )
}
