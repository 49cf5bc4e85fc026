import { element, setText } from '../shared/dom.js'
import { graphOf, placesOf } from './layout.js'
import { formatRate } from './units.js'

const size = { width: 148, height: 44 }
const gap = { along: 46, across: 16 }
const margin = 16
const svg = (tag) => document.createElementNS('http://www.w3.org/2000/svg', tag)

/** The topology as it is declared, with how much goes through it. */
export class TopologyDrawing {
  #host
  #graph = null
  #status = null
  /** Of what was drawn last. */
  #width = 0
  #labels = new Map()
  #nodes = new Map()

  constructor(host) {
    this.#host = host
    // Where it is wider than the page, it is scrolled by itself, by keys, too.
    host.setAttribute('role', 'region')
    host.setAttribute('aria-label', 'Drawing of the topology')
    host.tabIndex = 0
    new ResizeObserver(() => {
      if (this.#graph && this.#width !== host.clientWidth) this.#draw()
    }).observe(host)
  }

  get isKnown() {
    return this.#graph !== null
  }

  /** `description`: what `/api/pipeline/topology` answers. */
  take(description) {
    this.#graph = graphOf(description)
    this.#draw()
  }

  render(status) {
    this.#status = status
    const rates = new Map(status.nodes.map(({ name, rate }) => [name, rate]))
    for (const [label, { step, branch }] of this.#labels) {
      const rate = branch ? branch : formatRate(rates.get(step) ?? 0)
      setText(label, rate)
    }
    const entries = new Map()
    for (const store of status.tasks.flatMap(({ stores }) => stores))
      entries.set(store.name, (entries.get(store.name) ?? 0) + store.entries)
    const inTrouble = new Set(status.problems.map(({ name }) => name))
    for (const [box, node] of this.#nodes) {
      box.dataset.state = inTrouble.has(node.name) ? 'trouble' : 'well'
      setText(box.lastChild, factsOf(node, entries))
    }
  }

  #draw() {
    this.#width = this.#host.clientWidth
    const places = placesOf(this.#graph, { widthMax: this.#width - 2 * margin, size, gap })
    const drawing = element('div', { className: 'drawing' })
    drawing.style.width = `${places.width + 2 * margin}px`
    drawing.style.height = `${places.height + 2 * margin}px`
    for (const block of places.blocks.filter(({ title }) => title !== '')) {
      const title = element('span', { className: 'block-title' }, block.title)
      drawing.append(put(element('div', { className: 'block' }, title), block))
    }
    const lines = svg('svg')
    lines.setAttribute('aria-hidden', 'true')
    lines.setAttribute('width', places.width + 2 * margin)
    lines.setAttribute('height', places.height + 2 * margin)
    drawing.append(lines)
    this.#nodes = new Map()
    const at = new Map(places.nodes.map((node) => [node.id, node]))
    this.#labels = new Map()
    for (const edge of this.#graph.edges) {
      const [from, to] = [at.get(edge.from), at.get(edge.to)]
      if (!from || !to) continue
      const direction = from.block === to.block ? places.way.inner : places.way.outer
      const { path, middle } = curve(from, to, direction === 'right')
      const line = svg('path')
      line.setAttribute('d', path)
      lines.append(line)
      const label = element('span', { className: 'edge-rate' })
      label.style.left = `${middle.x}px`
      label.style.top = `${middle.y}px`
      this.#labels.set(label, edge)
      drawing.append(label)
    }
    for (const node of places.nodes) {
      const box = element(
        'div',
        { className: 'node', 'data-kind': node.kind, title: `${node.name} (${node.kind})` },
        element('div', { className: 'node-name' }, node.name),
        element('div', { className: 'node-facts' }),
      )
      this.#nodes.set(box, node)
      drawing.append(put(box, node))
    }
    this.#host.replaceChildren(drawing)
    if (this.#status) this.render(this.#status)
  }
}

function put(box, { left, top, width, height }) {
  box.style.left = `${left + margin}px`
  box.style.top = `${top + margin}px`
  box.style.width = `${width}px`
  box.style.height = `${height}px`
  return box
}

function curve(from, to, isRight) {
  const [x1, y1] = isRight
    ? [from.left + from.width + margin, from.top + from.height / 2 + margin]
    : [from.left + from.width / 2 + margin, from.top + from.height + margin]
  const [x2, y2] = isRight
    ? [to.left + margin, to.top + to.height / 2 + margin]
    : [to.left + to.width / 2 + margin, to.top + margin]
  const bend = Math.max(20, Math.abs(isRight ? x2 - x1 : y2 - y1) / 2)
  const path = isRight
    ? `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`
    : `M${x1},${y1} C${x1},${y1 + bend} ${x2},${y2 - bend} ${x2},${y2}`
  return { path, middle: { x: (x1 + x2) / 2, y: (y1 + y2) / 2 } }
}

function factsOf({ kind, stores }, entries) {
  const kept = stores.reduce((sum, { name }) => sum + (entries.get(name) ?? 0), 0)
  return stores.length > 0 ? `${kind} · keeps ${kept}` : kind
}
