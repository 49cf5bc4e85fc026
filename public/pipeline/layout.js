// Where the steps of a topology stand: sub-topologies and topics as blocks in the order of the data, steps in their blocks.

/** The layer of each id: one more than the highest before it; an edge that leads back is left out. */
export function layersOf(ids, edges) {
  const next = new Map(ids.map((id) => [id, []]))
  for (const { from, to } of edges) if (next.has(from) && next.has(to) && from !== to) next.get(from).push(to)
  const layers = new Map(ids.map((id) => [id, 0]))
  for (const id of inOrder(ids, next))
    for (const to of next.get(id)) layers.set(to, Math.max(layers.get(to), layers.get(id) + 1))
  return layers
}

/** Each id before those that it leads to. What leads back to where the walk came from is taken out of `next`. */
function inOrder(ids, next) {
  const done = []
  const states = new Map()
  const visit = (id) => {
    states.set(id, 'under way')
    const ahead = next.get(id).filter((to) => states.get(to) !== 'under way')
    next.set(id, ahead)
    for (const to of ahead) if (!states.has(to)) visit(to)
    states.set(id, 'done')
    done.push(id)
  }
  for (const id of ids) if (!states.has(id)) visit(id)
  return done.reverse()
}

/** What `describe` says, as blocks of nodes, and edges between nodes: `{ from, to, step, branch }`. */
export function graphOf({ subTopologies }) {
  const blocks = subTopologies.map(({ id, kind, nodes }) => ({
    id: `sub ${id}`,
    title: `${id} · ${kind}`,
    nodes: nodes.map((node) => ({ ...node, id: nodeId(id, node.name) })),
  }))
  const edges = []
  const topics = new Map()
  for (const { id, nodes } of subTopologies) {
    const names = new Set(nodes.map(({ name }) => name))
    for (const { name, inputs, topic } of nodes) {
      for (const input of inputs) {
        const [step, branch] = names.has(input) ? [input, ''] : splitAtColon(input)
        edges.push({ from: nodeId(id, step), to: nodeId(id, name), step, branch })
      }
      if (topic === undefined) continue
      topics.set(topic, { id: `topic ${topic}`, name: topic, kind: 'topic', stores: [] })
      const [from, to] = [`topic ${topic}`, nodeId(id, name)]
      edges.push(inputs.length === 0 ? { from, to, step: name } : { from: to, to: from, step: name })
    }
  }
  for (const topic of topics.values()) blocks.push({ id: topic.id, title: '', nodes: [topic] })
  return { blocks, edges }
}

const nodeId = (sub, name) => `step ${sub} ${name}`

function splitAtColon(input) {
  const colon = input.lastIndexOf(':')
  return [input.slice(0, colon), input.slice(colon + 1)]
}

const padding = 14
const titleHeight = 18

/** How the data goes: to the right, downwards, or down within a block and to the right between them. */
const ways = [
  { inner: 'right', outer: 'right' },
  { inner: 'down', outer: 'right' },
  { inner: 'down', outer: 'down' },
]

/**
 * Places of blocks and nodes in pixels, and the size of all of it: the first way that fits into `widthMax`, else the narrowest.
 * `size`: of a node; `gap`: between two, along the data and across it.
 */
export function placesOf(graph, { widthMax, size, gap }) {
  const all = ways.map((way) => placesIn(graph, { way, size, gap }))
  return all.find(({ width }) => width <= widthMax) ?? all.at(-1)
}

function placesIn({ blocks, edges }, { way, size, gap }) {
  const filled = blocks.map((block) => fill(block, edges, { direction: way.inner, size, gap }))
  const blockOf = new Map(filled.flatMap(({ id, nodes }) => nodes.map((node) => [node.id, id])))
  const between = edges.map(({ from, to }) => ({ from: blockOf.get(from), to: blockOf.get(to) }))
  const placed = arrange(filled, between, { direction: way.outer, gap })
  const placedBlocks = placed.places
  const nodes = placedBlocks.flatMap((block) =>
    block.nodes.map((node) => ({
      ...node,
      block: block.id,
      left: block.left + node.left,
      top: block.top + node.top,
    })),
  )
  return { way, width: placed.width, height: placed.height, blocks: placedBlocks, nodes }
}

/** A block with its nodes in it, and the size that it has then. */
function fill({ id, title, nodes }, edges, { direction, size, gap }) {
  const sized = nodes.map((node) => ({ ...node, ...size }))
  const { places, width, height } = arrange(sized, edges, { direction, gap })
  if (title === '') return { id, title, nodes: places, width, height }
  const top = padding + titleHeight
  return {
    id,
    title,
    nodes: places.map((node) => ({ ...node, left: node.left + padding, top: node.top + top })),
    width: width + 2 * padding,
    height: height + top + padding,
  }
}

/** Items that have a size, layer by layer; in each, under what leads to them, so that few edges cross. */
function arrange(items, edges, { direction, gap }) {
  const isRight = direction === 'right'
  const sizeOf = ({ width, height }) =>
    isRight ? { along: width, across: height } : { along: height, across: width }
  const layers = layersOf(
    items.map(({ id }) => id),
    edges,
  )
  const rows = new Map()
  for (const item of items) {
    const layer = layers.get(item.id)
    rows.set(layer, [...(rows.get(layer) ?? []), item])
  }
  const centres = new Map()
  const places = []
  let along = 0
  let acrossMax = 0
  for (const [, row] of [...rows].toSorted(([a], [b]) => a - b)) {
    let across = 0
    for (const item of belowTheirs(row, edges, centres)) {
      const [left, top] = isRight ? [along, across] : [across, along]
      places.push({ ...item, left, top })
      centres.set(item.id, across + sizeOf(item).across / 2)
      across += sizeOf(item).across + gap.across
    }
    acrossMax = Math.max(acrossMax, across - gap.across)
    along += Math.max(...row.map((item) => sizeOf(item).along)) + gap.along
  }
  const [width, height] = isRight ? [along - gap.along, acrossMax] : [acrossMax, along - gap.along]
  return { places, width, height }
}

function belowTheirs(row, edges, centres) {
  const wanted = ({ id }) => {
    const before = edges.filter(({ to, from }) => to === id && centres.has(from))
    return before.reduce((sum, { from }) => sum + centres.get(from), 0) / Math.max(1, before.length)
  }
  return row.toSorted((a, b) => wanted(a) - wanted(b))
}
