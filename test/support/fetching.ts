/**
 * `fetch` as undici has it, of which Node's own is a copy, with a connection for each request.
 *
 * Not Node's own, because that asks for keepalive probes after a minute of silence. Wine knows no such time and refuses, and
 * then `fetch` connects to nobody. Everything else is the same in both lanes.
 */
import { Agent, type FormData, request, fetch as undiciFetch } from "undici"

const dispatcher = new Agent({ connect: { keepAlive: false } })

interface Asked {
  readonly method?: string
  readonly body?: string | FormData
  readonly headers?: Readonly<Record<string, string>>
}

interface Answered {
  readonly status: number
  readonly body: string
}

export const fetched = async (url: string, { headers = {}, ...asked }: Asked = {}): Promise<Answered> => {
  const response = await undiciFetch(url, {
    ...asked,
    dispatcher,
    headers: { connection: "close", ...headers }
  })
  return { status: response.status, body: await response.text() }
}

/** Posts by undici's own interface, beneath `fetch`. */
export const posted = async (url: string, body: Uint8Array): Promise<Uint8Array> => {
  const answer = await request(url, { method: "POST", body, reset: true, dispatcher })
  return new Uint8Array(await answer.body.arrayBuffer())
}
