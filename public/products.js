// What is traded: in which order, in which currency, and how finely prices are told.

import { decimalsOf, formatNumber } from './shared/format.js'

/** By symbol, in the server's order. */
let products = new Map()
/** Digits behind the point as prices were seen with, where nobody says the step between two prices. They never shrink. */
const seenDigits = new Map()
const fewestDigits = 2

export function takeProducts(list) {
  products = new Map(list.map((product) => [product.symbol, product]))
}

/** Whether the server has said all that there is to say. */
export const productsAreKnown = () =>
  products.size > 0 && [...products.values()].every(({ tick }) => tick !== null)

export function learnDigits(symbol, price) {
  if (products.get(symbol)?.tick != null) return
  // A price that was computed has as many digits as a float: seven significant ones are plenty.
  const useful = Math.max(fewestDigits, 6 - Math.floor(Math.log10(Math.abs(price) || 1)))
  const digits = Math.min(decimalsOf(price), useful, 10)
  if (digits > (seenDigits.get(symbol) ?? fewestDigits)) seenDigits.set(symbol, digits)
}

function digitsOf(symbol) {
  const tick = products.get(symbol)?.tick ?? null
  return tick === null ? (seenDigits.get(symbol) ?? fewestDigits) : decimalsOf(tick)
}

export const formatPrice = (symbol, price) => formatNumber(price, digitsOf(symbol))

/** The smallest difference between two prices that is told. */
export const tickSize = (symbol) => products.get(symbol)?.tick ?? Number(`1e-${digitsOf(symbol)}`)

/** Null: nobody says so. */
export const quoteOf = (symbol) => products.get(symbol)?.quote ?? null

/** Those that the server does not list come last, by name. */
export function inOrder(symbols) {
  const places = new Map([...products.keys()].map((symbol, place) => [symbol, place]))
  const placeOf = (symbol) => places.get(symbol) ?? places.size
  return [...symbols].sort((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1))
}
