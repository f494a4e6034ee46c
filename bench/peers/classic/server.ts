import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import express from 'express'
import { Redis } from 'ioredis'
import jwt from 'jsonwebtoken'
import pg from 'pg'
import { Server } from 'socket.io'
import { type ChatServer, createChat } from './chat.ts'

const { PORT = '3000', DATABASE_URL, REDIS_PATH = '', JWT_SECRET = '', POOL_MAX = '20' } = process.env

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL_MAX), idleTimeoutMillis: 30_000 })
const publisher = new Redis(REDIS_PATH)
const subscriber = publisher.duplicate()

const app = express()
app.get('/health', async (_request, response) => {
  await pool.query('select 1')
  response.json({ status: 'ok' })
})

const http = createServer(app)
const io: ChatServer = new Server(http, {
  adapter: createAdapter(publisher, subscriber),
  transports: ['websocket'],
  perMessageDeflate: false,
  pingInterval: 25_000,
  pingTimeout: 60_000,
})
const chat = createChat(pool, publisher)

io.use(async (socket, next) => {
  try {
    const claims = jwt.verify(String(socket.handshake.auth.token), JWT_SECRET, { algorithms: ['HS256'] })
    if (typeof claims === 'string' || claims.type !== 'access') throw new Error('not an access token')
    socket.data.user = await chat.authenticate(claims.userId)
    next()
  } catch {
    next(new Error('UNAUTHORIZED'))
  }
})

io.on('connection', (socket) => {
  socket.on('message:send', (data, ack) => chat.send(socket, data, ack))
  socket.on('sync', (data, ack) => chat.sync(socket, data, ack).catch(() => socket.disconnect(true)))
  socket.on('disconnect', () => chat.disconnect(socket).catch(() => {}))
  chat.connect(socket).catch(() => socket.disconnect(true))
})

http.listen(Number(PORT), '127.0.0.1')
