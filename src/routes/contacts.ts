import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { type ContactsWanted, listContacts, toContact } from '../db/queries/contacts.ts'
import { findUserByName } from '../db/queries/users.ts'
import { refuse } from '../protocol/errors.ts'
import { UserId } from '../protocol/ids.ts'
import { Contact } from '../protocol/model.ts'
import { ContactBody, ContactEnvelope, ContactsQuery, page } from '../protocol/rest.ts'
import { body, json, nothing } from './answers.ts'
import { type AppContext, type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { readStatuses } from './presence.ts'
import { refuseInvalid } from './refusals.ts'
import { accept, block, remove, request, unblock } from './standing.ts'
import { changeStanding, reloadDirectChat } from './standing-changes.ts'

const tags = ['Contacts']
const params = z.object({ id: UserId })
const contactPage = json(page(Contact), 'A page, by username')

const list = createRoute({
  method: 'get',
  path: '/',
  operationId: 'listContacts',
  summary: 'Contacts, and whom one has blocked',
  tags,
  request: { query: ContactsQuery.extend({ status: Contact.shape.status.exclude(['pending']).optional() }) },
  responses: { 200: contactPage },
})

const listPending = createRoute({
  method: 'get',
  path: '/pending',
  operationId: 'listPendingContacts',
  summary: 'Requests that wait, of either side: `requestedBy` tells whose',
  tags,
  request: { query: ContactsQuery },
  responses: { 200: contactPage },
})

const ask = createRoute({
  method: 'post',
  path: '/',
  operationId: 'requestContact',
  summary: 'Ask somebody to be a contact; accepts when the other has asked already',
  tags,
  request: { body: body(ContactBody) },
  responses: {
    201: json(ContactEnvelope, 'Asked'),
    200: json(ContactEnvelope, 'It was so already, or the other had asked'),
  },
})

const acceptOne = createRoute({
  method: 'put',
  path: '/{id}/accept',
  operationId: 'acceptContact',
  summary: 'Accept a request',
  tags,
  request: { params },
  responses: { 200: json(ContactEnvelope, 'A contact now') },
})

const removeOne = createRoute({
  method: 'delete',
  path: '/{id}',
  operationId: 'removeContact',
  summary: 'Decline a request, take one back, or end a contact',
  tags,
  request: { params },
  responses: { 204: nothing },
})

const blockOne = createRoute({
  method: 'put',
  path: '/{id}/block',
  operationId: 'blockUser',
  summary: 'Block a user: no direct messages, no requests, no groups',
  tags,
  request: { params },
  responses: { 200: json(ContactEnvelope, 'Blocked') },
})

const unblockOne = createRoute({
  method: 'delete',
  path: '/{id}/block',
  operationId: 'unblockUser',
  summary: 'End a block',
  tags,
  request: { params },
  responses: { 204: nothing },
})

export function contactRoutes(deps: AppDeps) {
  const { db, presence } = deps

  async function readPage(
    query: z.infer<typeof ContactsQuery>,
    whose: Pick<ContactsWanted, 'userId' | 'statuses'>,
  ) {
    const rows = await listContacts(db, { ...whose, after: query.cursor, limit: query.limit + 1 })
    const hasMore = rows.length > query.limit
    const shown = rows.slice(0, query.limit)
    const statusOf = await readStatuses(
      presence,
      shown.map(({ account }) => account.id),
    )
    return {
      data: shown.map((it) => toContact(it, statusOf(it.account.id))),
      nextCursor: hasMore ? (shown.at(-1)?.account.id ?? null) : null,
      hasMore,
    }
  }

  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  return app
    .openapi(list, async (context) => {
      const { status, ...query } = context.req.valid('query')
      const statuses = status ? [status] : (['accepted', 'blocked'] as const)
      return context.json(await readPage(query, { userId: userOf(context), statuses }), 200)
    })
    .openapi(listPending, async (context) => {
      const whose = { userId: userOf(context), statuses: ['pending'] as const }
      return context.json(await readPage(context.req.valid('query'), whose), 200)
    })
    .openapi(ask, async (context) => {
      const given = context.req.valid('json')
      const named = 'userId' in given ? given.userId : (await findUserByName(db, given.username))?.id
      const otherId = named ?? refuse('NOT_FOUND', 'No such user')
      const { contact, isNew } = await changeStanding(deps, { userId: userOf(context), otherId }, request)
      return context.json({ contact: present(contact) }, isNew ? 201 : 200)
    })
    .openapi(acceptOne, async (context) => {
      const pair = { userId: userOf(context), otherId: context.req.valid('param').id }
      const { contact } = await changeStanding(deps, pair, accept)
      return context.json({ contact: present(contact) }, 200)
    })
    .openapi(removeOne, async (context) => {
      const pair = { userId: userOf(context), otherId: context.req.valid('param').id }
      await changeStanding(deps, pair, remove)
      return context.body(null, 204)
    })
    .openapi(blockOne, async (context) => {
      const pair = { userId: userOf(context), otherId: context.req.valid('param').id }
      const { contact } = await changeStanding(deps, pair, block)
      await reloadDirectChat(deps, pair)
      return context.json({ contact: present(contact) }, 200)
    })
    .openapi(unblockOne, async (context) => {
      const pair = { userId: userOf(context), otherId: context.req.valid('param').id }
      await changeStanding(deps, pair, unblock)
      await reloadDirectChat(deps, pair)
      return context.body(null, 204)
    })
}

function userOf(context: AppContext): string {
  return principalOf(context).user.id
}

/** A rule that does not end the contact leaves one. */
function present(contact: Contact | null): Contact {
  return contact ?? refuse('NOT_FOUND', 'This user is no contact of yours')
}
