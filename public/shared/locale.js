// The reader's locale, as far as it is one: Chromium that is started without a language says `en-US@posix`.

const fallback = 'en-US'

function isUsable(locale) {
  try {
    new Intl.NumberFormat(locale)
    new Intl.DateTimeFormat(locale)
    return true
  } catch {
    return false
  }
}

/** To be given to `Intl`; undefined: the reader's own. */
export const locale = isUsable() ? undefined : fallback

// uPlot gives the browser's language to `Intl` as soon as it is loaded.
if (!isUsable(navigator.language)) Object.defineProperty(navigator, 'language', { value: fallback })
