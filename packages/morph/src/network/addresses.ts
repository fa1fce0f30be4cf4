/** An address with its prefix length: "10.0.0.5/24"; as written where neither prefix nor netmask is known. */
export function withPrefix(address: string, prefix: string | undefined): string {
  if (address.includes('/') || prefix === undefined || prefix === '') return address
  const length = prefix.includes('.') ? prefixOfNetmask(prefix) : Number(prefix)
  return length === undefined || !Number.isInteger(length) || length < 0 || length > 128 ? address : `${address}/${length}`
}

/** 255.255.255.0 is 24; `undefined` when the ones are not all in front. */
function prefixOfNetmask(netmask: string): number | undefined {
  const bits = netmask
    .split('.')
    .map(part => Number(part).toString(2).padStart(8, '0'))
    .join('')
  const found = /^(1*)0*$/.exec(bits)
  return bits.length === 32 && found !== null ? found[1]!.length : undefined
}
