/** Something that takes long, and how far it has come. */
export interface Progress {
  /** What is under way. */
  readonly name: string
  /** So many are done. */
  readonly done: number
  /** Of so many. */
  readonly of: number
}

const countFormat = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const smallFormat = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 })

/** `45 % of 1,200,000, 80,000/s, 8 s left`. */
export function progressText({ done, of }: Omit<Progress, 'name'>, perSecond: number | undefined): string {
  const share = of > 0 ? Math.floor((100 * done) / of) : 100
  const left = perSecond ? `, ${durationText((of - done) / perSecond)} left` : ''
  const pace = perSecond === undefined ? '' : `, ${rateText(perSecond)}`
  return `${share} % of ${countText(of)}${pace}${left}`
}

export function countText(count: number): string {
  return countFormat.format(count)
}

/** A small one with its first digits: a record every ten seconds is not none. */
export function rateText(perSecond: number): string {
  return `${(perSecond < 10 ? smallFormat : countFormat).format(perSecond)}/s`
}

/** In the two largest units. */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${Math.ceil(seconds * 10) / 10} s`
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`
}
