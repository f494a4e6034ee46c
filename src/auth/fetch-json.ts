/** Milliseconds until an answer is given up, its body included. */
const TIMEOUT = 2_000
/** Bytes of an answer: far above any set of keys or page of names. */
const MOST_BYTES = 1_048_576

/**
 * fetchJson asks another service. Rejects, in words that hold nothing of the answer, when that is not 200 and JSON of
 * at most 1 MiB within 2 s. Redirects are not followed: what is believed comes from the address that was configured.
 */
export async function fetchJson(url: string, request: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, {
    ...request,
    headers: { Accept: 'application/json', ...request.headers },
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${url} answered ${response.status}`)
  }
  return JSON.parse(await readText(response))
}

async function readText({ body, url }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new Error(`${url} answered more than ${MOST_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
