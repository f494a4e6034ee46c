import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { listServiceTokens, revokeServiceToken } from '../db/queries/backend-tokens.ts'
import { CreateServiceTokenBody, NewServiceToken, ServiceToken } from '../protocol/admin.ts'
import { refuse } from '../protocol/errors.ts'
import { Uuid } from '../protocol/ids.ts'
import { body, json, nothing } from './answers.ts'
import { audit } from './audit.ts'
import { type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Operation']

const create = createRoute({
  method: 'post',
  path: '/',
  operationId: 'createServiceToken',
  summary: 'Make a token for a backend; for administrators',
  tags,
  request: { body: body(CreateServiceTokenBody) },
  responses: { 201: json(NewServiceToken, 'The token, this once') },
})

const list = createRoute({
  method: 'get',
  path: '/',
  operationId: 'listServiceTokens',
  summary: 'Tokens of backends, revoked ones too; for administrators',
  tags,
  responses: { 200: json(z.object({ data: z.array(ServiceToken) }), 'The newest first') },
})

const revoke = createRoute({
  method: 'delete',
  path: '/{id}',
  operationId: 'revokeServiceToken',
  summary: 'Revoke a token of a backend, at once; for administrators',
  tags,
  request: { params: z.object({ id: Uuid }) },
  responses: { 204: nothing },
})

/** serviceTokenRoutes is how administrators let backends in; only behind `requireAdmin`. */
export function serviceTokenRoutes(deps: AppDeps) {
  const { db, clock, auth } = deps
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(create, async (context) => {
      const { name, scopes, expiresAt } = context.req.valid('json')
      const { token, stored } = await auth.services.create({
        ...{ name, scopes: [...new Set(scopes)], createdBy: principalOf(context).user.id },
        expiresAt: expiresAt == null ? null : new Date(expiresAt),
      })
      await audit(deps, context, { action: 'token.created', targetId: stored.id, details: { name, scopes } })
      context.header('Cache-Control', 'no-store')
      return context.json({ serviceToken: toServiceToken(stored), token }, 201)
    })
    .openapi(list, async (context) => {
      return context.json({ data: (await listServiceTokens(db)).map(toServiceToken) }, 200)
    })
    .openapi(revoke, async (context) => {
      const { id } = context.req.valid('param')
      if (!(await revokeServiceToken(db, id, new Date(clock.now())))) {
        refuse('NOT_FOUND', 'No such service token that stands')
      }
      await audit(deps, context, { action: 'token.revoked', targetId: id })
      return context.body(null, 204)
    })
}

type Row = Awaited<ReturnType<typeof listServiceTokens>>[number]

function toServiceToken({ createdAt, lastUsedAt, expiresAt, revokedAt, ...row }: Row) {
  return {
    ...row,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
  }
}
