/**
 * Names the file in the error of a call that failed on it once it was open: Node tells the path only of what it cannot open, and
 * `ENOSPC: no space left on device, write` alone helps nobody.
 */
export async function namingFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Error && 'errno' in error && !('path' in error)) Object.assign(error, { path })
    throw error
  }
}
