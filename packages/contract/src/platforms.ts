/** The platforms that this release has a provider for. A worker offers those that its configuration names. */
export const PLATFORMS = ['disk-images', 'simulator'] as const
