import { isIP } from 'node:net';

/** Whether an address of a socket is of this machine alone. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** A host to listen on without the brackets that an IPv6 address has in a URL: sockets take it without. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** Whether a host to listen on is of this machine alone. A name is not looked up: only `localhost` is known to be. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(withoutBrackets(host));
}

/** The name in a `Host` header or an origin, without its port; `undefined` for what is none. */
export function hostNameOf(host: string): string | undefined {
  const found = /^(\[[\da-fA-F:.]+\]|[^:/?#@[\]\s]+)(?::\d{1,5})?$/.exec(host);
  return found?.[1]?.toLowerCase();
}
