import { html } from 'hono/html'
import type { AsyncApi, JsonSchema, SocketMessage } from '../../protocol/asyncapi.ts'
import { CLOSES } from '../../protocol/errors.ts'
import { toPage } from './page.ts'

type Html = ReturnType<typeof html>

interface Field {
  readonly path: string
  readonly schema: JsonSchema
  readonly isRequired: boolean
}

const GROUPS = [
  { prefix: 'send.', title: 'What a client sends' },
  { prefix: 'receive.', title: 'What the server sends' },
  { prefix: 'event.', title: 'Events: stored changes, each with the next seq of its chat' },
  { prefix: 'signal.', title: 'Signals: neither stored nor numbered' },
] as const

/** socketPage is the socket protocol as a page to read, made from the AsyncAPI document. */
export function socketPage(api: AsyncApi): Html {
  const { messages, schemas } = api.components
  const groups = GROUPS.map(({ prefix, title }) => ({
    prefix,
    title,
    messages: Object.entries(messages).filter(([key]) => key.startsWith(prefix)),
  }))
  const main = html`<article class="socket">
  <h1>Socket</h1>
  <p class="lead">${api.info.description}</p>
  ${closeTable}
  ${groups.map(
    (group) => html`<section aria-labelledby="${group.prefix}group">
    <h2 id="${group.prefix}group">${group.title}</h2>
    <ul class="contents">${group.messages.map(
      ([key, { name }]) => html`<li><a href="#${key}"><code>${name}</code></a></li>`,
    )}</ul>
    ${group.messages.map(([key, message]) => frame(key, message, messages))}
  </section>`,
  )}
  <section aria-labelledby="shapes"><h2 id="shapes">Shapes</h2>
    ${Object.entries(schemas).map(
      ([name, schema]) => html`<section class="frame" id="shape-${name}">
      <h3><code>${name}</code></h3>
      <p>${schema.description ?? ''}</p>
      ${fieldTable(fieldsOf(schema, ''))}
    </section>`,
    )}
  </section>
</article>`
  return toPage({ title: 'Socket', path: '/docs/socket', main })
}

const closeTable = html`<table>
  <thead><tr><th>The server closes with</th><th>Because</th><th>Then the client</th></tr></thead>
  <tbody>${Object.entries(CLOSES).map(
    ([reason, { code, reconnect }]) => html`<tr>
    <td><code>${code}</code></td>
    <td>${reason}</td>
    <td>${reconnect ? 'reconnects by itself' : 'does not come back by itself'}</td>
  </tr>`,
  )}</tbody>
</table>`

function frame(key: string, message: SocketMessage, all: Readonly<Record<string, SocketMessage>>): Html {
  const ack = all[key.replace(/^send\./, 'ack.')]
  return html`<section class="frame" id="${key}">
  <h3><code>${message.name}</code></h3>
  <p>${message.summary}</p>
  ${fieldTable(fieldsOf(dataOf(message), ''))}
  ${key.startsWith('send.') ? reply(ack) : ''}
</section>`
}

function reply(ack: SocketMessage | undefined): Html {
  if (!ack) return html`<p class="reply">Has no ack: it is answered by errors alone.</p>`
  return html`<p class="reply">Its <code>ack</code> carries</p>${fieldTable(fieldsOf(dataOf(ack), ''))}`
}

function fieldTable(fields: readonly Field[]): Html {
  if (fields.length === 0) return html`<p class="none">No fields.</p>`
  return html`<table>
  <thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead>
  <tbody>${fields.map(
    ({ path, schema, isRequired }) => html`<tr>
    <td><code>${path}</code>${isRequired ? '' : html` <small>optional</small>`}</td>
    <td>${typeOf(schema)}</td>
    <td>${schema.description ?? ''}</td>
  </tr>`,
  )}</tbody>
</table>`
}

/** The `data` of a frame, or all of it where it has none. */
function dataOf({ payload }: SocketMessage): JsonSchema {
  const data = payload.properties?.data
  return typeof data === 'object' ? data : payload
}

/** A row per field, those of nested objects after theirs. */
function fieldsOf(schema: JsonSchema, prefix: string): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    if (typeof child !== 'object') return []
    const path = prefix + name
    const isRequired = schema.required?.includes(name) ?? false
    return [{ path, schema: child, isRequired }, ...fieldsOf(child, `${path}.`)]
  })
}

function typeOf(schema: JsonSchema): Html {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? ''
    return html`<a href="#shape-${name}">${name}</a>`
  }
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`
  if (schema.enum) return html`<code>${schema.enum.map((it) => JSON.stringify(it)).join(' | ')}</code>`
  const options = schema.anyOf ?? schema.oneOf
  if (options) return joined(options.map(typeOf))
  if (schema.type === 'array' && schema.items && !Array.isArray(schema.items)) {
    return html`${typeof schema.items === 'object' ? typeOf(schema.items) : 'anything'}[]`
  }
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') {
    return html`map of ${typeOf(schema.additionalProperties)}`
  }
  return html`${[schema.format ?? schema.type ?? 'anything', limitOf(schema)].join(' ').trim()}`
}

function joined(parts: readonly Html[]): Html {
  return html`${parts.map((part, index) => (index === 0 ? part : html` or ${part}`))}`
}

function limitOf({ maxLength, maxItems }: JsonSchema): string {
  const most = maxLength ?? maxItems
  return most === undefined ? '' : `≤ ${most}`
}
