import { expect } from 'vitest'
import type { Attachment, Chat } from '../../src/protocol/model.ts'
import { createTestApp, type TestAnswer, type TestApp, type TestUser } from './app.ts'
import { PASSWORD } from './auth.ts'
import { aForm, type TestFile } from './files.ts'
import { createGroup } from './people.ts'

/** UploadScene is an app with a group of Ann's and Ben's, and with Eve, who is not in it. */
export class UploadScene {
  readonly it: TestApp
  ann: TestUser
  ben: TestUser
  eve: TestUser
  chat: Chat

  static async open(): Promise<UploadScene> {
    const it = await createTestApp()
    const [ann, ben, eve] = [await it.user(), await it.user(), await it.user()]
    return new UploadScene(it, [ann, ben, eve], await createGroup(it, [ann, ben]))
  }

  private constructor(it: TestApp, [ann, ben, eve]: [TestUser, TestUser, TestUser], chat: Chat) {
    this.it = it
    this.ann = ann
    this.ben = ben
    this.eve = eve
    this.chat = chat
  }

  /** Another group, and tokens that are good though a test has moved the clock. */
  async begin(): Promise<void> {
    this.ann = await this.fresh(this.ann)
    this.ben = await this.fresh(this.ben)
    this.eve = await this.fresh(this.eve)
    this.chat = await createGroup(this.it, [this.ann, this.ben])
  }

  async fresh(user: TestUser): Promise<TestUser> {
    const body = { username: user.username, password: PASSWORD }
    return { ...user, token: (await this.it.call('POST /api/auth/login', { body })).body.accessToken }
  }

  upload(files: readonly TestFile[], by = this.ann): Promise<TestAnswer> {
    const form = aForm({ chatId: this.chat.id }, ...files)
    return this.it.call('POST /api/attachments/upload', { token: by.token, form })
  }

  async uploaded(...files: readonly TestFile[]): Promise<Attachment[]> {
    const answer = await this.upload(files)
    expect(answer.status, answer.text).toBe(201)
    return answer.body.attachments
  }

  send(attachment: { readonly id: string } | undefined, by = this.ann): Promise<TestAnswer> {
    const body = { attachmentIds: [attachment?.id] }
    return this.it.call(`POST /api/chats/${this.chat.id}/messages`, { token: by.token, body })
  }

  /** Follows the redirect as a browser does: without the token. */
  async show(path: string, by: TestUser, headers: Record<string, string> = {}): Promise<Response> {
    const answer = await this.it.call(`GET ${path}`, { token: by.token })
    expect(answer.status, answer.text).toBe(302)
    return this.it.app.request(answer.headers.get('Location') ?? '', { headers }, { address: null })
  }

  async countFiles(): Promise<number> {
    const { rows } = await this.it.db.pool.query<{ count: number }>('select count(*) from attachments')
    return rows[0]?.count ?? 0
  }
}
