import { isIP } from 'node:net';

/** Whether the address of a socket is one of loopback. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** The host without the brackets that an IPv6 address has in a URL: sockets do not take them. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** Whether a host is one of loopback. Names are not looked up: `localhost` is the only one that counts. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(withoutBrackets(host));
}

/** The name in a `Host` header, without its port and in lower case; `undefined` if the header is invalid. */
export function hostNameOf(host: string): string | undefined {
  const found = /^(\[[\da-fA-F:.]+\]|[^:/?#@[\]\s]+)(?::\d{1,5})?$/.exec(host);
  return found?.[1]?.toLowerCase();
}

/**
 * The last segment of a path, relative to the address that has it: a proxy may have taken off what stands before. It cannot lead to
 * another host.
 */
export function relativeTo(path: string): string {
  return `./${path.slice(path.search(/[^/\\]*$/))}`;
}

/** The query as it stands in an address, with its question mark. */
export function searchOf(query: URLSearchParams): string {
  return query.size === 0 ? '' : `?${query.toString()}`;
}
