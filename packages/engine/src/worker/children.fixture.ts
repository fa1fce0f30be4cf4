import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Store } from '@instar/store'

export interface WorkerChild extends AsyncDisposable {
  readonly host: string
  readonly process: ChildProcess
  /** SIGKILL; returns when it is dead. */
  kill(): Promise<void>
}

/** Makes the table that the children note their work in. */
export async function createEfforts(store: Store): Promise<void> {
  await sql`create table efforts (id bigint generated always as identity, task_id uuid, attempt int, host text, what text, at timestamptz default clock_timestamp())`.execute(
    store.db,
  )
}

/** A worker in a process of its own. */
export async function spawnWorker(url: string, host: string): Promise<WorkerChild> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'worker-child.fixture.ts'), url, host],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await once(child.stdout, 'data')
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  return { host, process: child, kill, [Symbol.asyncDispose]: kill }
}

export async function efforts(store: Store): Promise<{ task_id: string; attempt: number; host: string; what: string }[]> {
  const { rows } = await sql<{
    task_id: string
    attempt: number
    host: string
    what: string
  }>`select task_id, attempt, host, what from efforts order by id`.execute(store.db)
  return rows
}
