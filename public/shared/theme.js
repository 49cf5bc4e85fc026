// The page's theme: the reader's own, light or dark. Pages that lead to each other hand on what was chosen, in their addresses.

import { forgetStyles } from './ink.js'

export const themes = ['auto', 'light', 'dark']

/** Of an address's query. */
export function themeOf(search) {
  const given = new URLSearchParams(search).get('theme')
  return themes.includes(given) ? given : themes[0]
}

/** The query that says so: none for what is chosen anyway. */
export const searchOf = (theme) => (theme === themes[0] ? '' : `?theme=${theme}`)

/**
 * Has the page's list of themes say which one it has. `onChoice(theme)` hears of another choice, `redraw()` of other colours,
 * whoever chose them: canvases don't follow the style sheet.
 */
export function followTheme(chosen, { onChoice, redraw }) {
  const list = document.getElementById('theme')
  const links = document.querySelectorAll('.controls a')
  const take = (theme) => {
    document.documentElement.dataset.theme = theme
    for (const link of links) link.search = searchOf(theme)
  }
  const recolour = () => {
    forgetStyles()
    redraw()
  }
  list.value = chosen
  take(chosen)
  list.addEventListener('change', () => {
    take(list.value)
    onChoice(list.value)
    recolour()
  })
  for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)'])
    matchMedia(query).addEventListener('change', recolour)
}
