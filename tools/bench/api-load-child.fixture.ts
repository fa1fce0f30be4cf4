// A thread that puts load on the API: each connection asks, reads the whole answer, and asks again.
import { once } from 'node:events'
import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

export interface Load {
  readonly port: number
  readonly request: string
  readonly connections: number
  readonly seconds: number
}

export interface Outcome {
  readonly perSecond: number
  readonly p99Ms: number
}

const { port, request, connections, seconds } = workerData as Load
const times: number[] = []
const end = performance.now() + 1000 * seconds
await Promise.all(Array.from({ length: connections }, () => keepAsking({ port, request, end, times })))
times.sort((a, b) => a - b)
parentPort?.postMessage({ perSecond: times.length / seconds, p99Ms: times[Math.floor(times.length * 0.99)] ?? 0 } satisfies Outcome, [])

async function keepAsking({ port, request, end, times }: { port: number; request: string; end: number; times: number[] }): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  const asked = Buffer.from(request)
  let received: Buffer = Buffer.alloc(0)
  let begin = performance.now()
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', piece => {
      received = received.length === 0 ? piece : Buffer.concat([received, piece])
      const head = received.indexOf('\r\n\r\n')
      if (head === -1) return
      const text = received.toString('latin1', 0, head)
      if (!text.startsWith('HTTP/1.1 200')) return reject(new Error(text))
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1])
      if (received.length < head + 4 + length) return
      times.push(performance.now() - begin)
      received = Buffer.alloc(0)
      if (performance.now() >= end) return resolve()
      begin = performance.now()
      socket.write(asked)
    })
    socket.write(asked)
  })
  socket.destroy()
}
