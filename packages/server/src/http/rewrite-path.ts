/**
 * The paths under which other clients know our routes: the web UI has `/coriolis` for `/v1`, `/identity` without `/v3`, and `/logs`;
 * Coriolis takes `.json` after a path; the log service of the client ends its paths with a slash.
 */
export function rewritePath(url: string): string {
  const at = url.indexOf('?')
  const path = at === -1 ? url : url.slice(0, at)
  const query = at === -1 ? '' : url.slice(at)
  return rename(path) + query
}

function rename(path: string): string {
  if (path.startsWith('/coriolis/')) return rename(`/v1/${path.slice('/coriolis/'.length)}`)
  if (path.startsWith('/v1/') && path.endsWith('.json')) return path.slice(0, -'.json'.length)
  if (path.startsWith('/identity/'))
    return /^\/identity\/v\d/.test(path) ? path.replace(/^(\/identity\/v3)\/$/, '$1') : path.replace('/identity', '/identity/v3')
  if (/^\/logs(?:\/|$)/.test(path)) return rename(`/logger/v1${path}`)
  if (path.startsWith('/logger/v1/')) return path.replace(/\/$/, '')
  return path
}
