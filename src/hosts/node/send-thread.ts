import { workerData } from 'node:worker_threads'
import type { Delivery } from '../../workers/ports.ts'
import { createSender } from '../../workers/sender.ts'
import { post } from './post.ts'

const send = createSender(workerData, post)

/** One delivery: encrypted, signed and sent beside the thread that chats live on. */
export default (delivery: Delivery) => send(delivery)
