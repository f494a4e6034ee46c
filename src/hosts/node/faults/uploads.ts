import { readdirSync } from 'node:fs'
import { relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { v7 } from 'uuid'
import type { Peers } from './fault.ts'
import { createGuests, type Guest, tokenOf } from './guests.ts'
import { insist } from './insist.ts'
import type { Scene } from './scene.ts'
import { until } from './until.ts'

const SENDERS = 3
const PAUSE = 150
/** Milliseconds in which a picture is taken or refused, though the store never answers: it is asked twice. */
const ANSWERED_WITHIN = 45_000
/** For a job whose instance was killed in the middle of it, too. */
const REMOVED_WITHIN = 60_000
/** Messages whose pictures are fetched in the end. */
const FETCHED = 20
/** 200 is of a message that was there: an owner stored it and was killed, and whoever had asked it asked again. */
const ACKED = [201, 200]
/** Answers to a picture that could not be taken: its sender may try again. */
const RETRYABLE = [502, 503, 507]
/** One pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII='

export type Picture = Uint8Array<ArrayBuffer>

export const DOT: Picture = new Uint8Array(Buffer.from(PNG, 'base64'))

/** Uploads is guests who send pictures in a chat of their own, each with its message, one after another. */
export class Uploads {
  readonly #scene: Scene
  readonly #chatId: string
  readonly #guest: Guest
  readonly #acked: string[] = []
  readonly #answers = new Map<number, number>()
  #slowest = 0
  #isOver = false
  #done: Promise<unknown> = Promise.resolve()

  static async begin(scene: Scene, pictures: readonly Picture[] = [DOT]): Promise<Uploads> {
    const [guest] = await createGuests(scene.stage, 1)
    if (!guest) throw new Error('There is no guest')
    const token = await tokenOf(scene.stage, guest)
    const json = { name: 'Pictures', participantIds: [] }
    const { chat } = await insist<{ chat: { id: string } }>(scene, '/api/chats/group', { token, json })
    const uploads = new Uploads(scene, guest, chat.id)
    uploads.#done = Promise.all(Array.from({ length: SENDERS }, () => uploads.#goOn(token, pictures)))
    return uploads
  }

  private constructor(scene: Scene, guest: Guest, chatId: string) {
    this.#scene = scene
    this.#guest = guest
    this.#chatId = chatId
  }

  /** Resolves when the last ones have been answered. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#done
  }

  /** Pictures that were answered so. */
  count(status: number): number {
    return this.#answers.get(status) ?? 0
  }

  async #goOn(token: string, pictures: readonly Picture[]): Promise<void> {
    for (let count = 0; !this.#isOver; count += 1) {
      const begin = performance.now()
      const status = await this.#send(token, pictures[count % pictures.length] ?? DOT)
      this.#slowest = Math.max(this.#slowest, performance.now() - begin)
      this.#answers.set(status, this.count(status) + 1)
      await sleep(PAUSE)
    }
  }

  /** 0 where the connection was lost. */
  async #send(token: string, picture: Picture): Promise<number> {
    const id = v7()
    const body = new FormData()
    body.append('id', id)
    body.append('images', new Blob([picture]), 'picture')
    const url = `http://127.0.0.1:${this.#scene.stage.front.port}/api/chats/${this.#chatId}/messages`
    const headers = { Authorization: `Bearer ${token}` }
    const response = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined)
    if (!response) return 0
    await response.body?.cancel()
    if (ACKED.includes(response.status)) this.#acked.push(id)
    else if (!RETRYABLE.includes(response.status)) this.#wrong(`a picture was answered ${response.status}`)
    return response.status
  }

  /** No message without its files, no file without its message: whatever happened. */
  async judge(peers: Peers | undefined): Promise<void> {
    const database = new pg.Client({ connectionString: this.#scene.stage.databaseUrl })
    await database.connect()
    try {
      await this.#judgeMessages(database)
      await this.#judgeFiles(database, peers)
    } finally {
      await database.end()
    }
    const told = [...this.#answers].map(([status, count]) => `${count} x ${status || 'no answer'}`)
    this.#scene.remarks.push(`pictures: ${told.join(', ')}; slowest ${Math.round(this.#slowest)} ms`)
    if (this.#slowest > ANSWERED_WITHIN) this.#wrong(`a picture took ${Math.round(this.#slowest)} ms`)
  }

  async #judgeMessages(database: pg.Client): Promise<void> {
    const { rows } = await database.query<{ id: string; file: string | null; bytes: number | null }>(
      `select m.id, a.id as file, a.bytes from messages m
         left join attachments a on a.message_id = m.id and a.status = 'claimed'
       where m.chat_id = $1 and m.sender_id is not null and m.content_type <> 'system'`,
      [this.#chatId],
    )
    const stored = new Set(rows.map(({ id }) => id))
    for (const id of this.#acked) if (!stored.has(id)) this.#lost(`${id} was acknowledged and is not stored`)
    for (const { id, file } of rows) if (file === null) this.#lost(`${id} has no picture`)
    for (const { id, file, bytes } of rows.slice(-FETCHED)) {
      const found = file === null ? bytes : await this.#fetch(file)
      if (found !== bytes) this.#lost(`the picture of ${id} has ${found} bytes of ${bytes}`)
    }
  }

  async #fetch(id: string): Promise<number | string> {
    const token = await tokenOf(this.#scene.stage, this.#guest)
    const url = `http://127.0.0.1:${this.#scene.stage.front.port}/api/attachments/${id}/original`
    const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } })
    return response.ok ? (await response.arrayBuffer()).byteLength : `status ${response.status} and no`
  }

  /** As if a day had passed: nothing may stay that no message has. */
  async #judgeFiles(database: pg.Client, peers: Peers | undefined): Promise<void> {
    await database.query(
      `update attachments set created_at = created_at - interval '25 hours' where status <> 'claimed'`,
    )
    await database.query(
      `insert into jobs (id, kind, payload, run_at) values ($1, 'remove-files', '{}', now())`,
      [v7()],
    )
    let [unknown, missing]: [string[], string[]] = [[], []]
    const isClean = async () => {
      const { rows } = await database.query<{ keys: string[]; status: string }>(
        `select array_remove(array[storage_key, medium_key, thumbnail_key], null) as keys, status from attachments`,
      )
      const wanted = new Set(rows.flatMap(({ keys }) => keys))
      const there = new Set(peers ? peers.bucket.keys : keysIn(this.#scene.stage.blobs))
      unknown = [...there.difference(wanted)]
      missing = [...wanted.difference(there)]
      return unknown.length + missing.length === 0 && rows.every(({ status }) => status === 'claimed')
    }
    if (await until(isClean, REMOVED_WITHIN)) return
    for (const key of unknown) this.#wrong(`${key} stays, and nobody knows of it`)
    for (const key of missing) this.#lost(`${key} is not in the store`)
    if (unknown.length + missing.length === 0) this.#wrong('uploads that no message has were not removed')
  }

  #lost(message: string): void {
    this.#scene.violations.push({ rule: 'C1', message })
  }

  #wrong(message: string): void {
    this.#scene.wrong(message)
  }
}

function keysIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, `${parentPath}/${name}`))
}
