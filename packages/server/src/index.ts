/** What this package is named for; its parts are exported here. */
export const PART = 'server'
