const SCHEME = /^[a-z]+:\/\//i;

/** Parses an address as a URL; gRPC allows one without a scheme. `undefined` if it is not an address. */
export function urlOf(address: string): URL | undefined {
  const text = address.trim();
  const url = SCHEME.test(text) ? text : `http://${text}`;
  return URL.canParse(url) ? new URL(url) : undefined;
}

/** Returns the address without user, password and query, because people publish reports. */
export function withoutCredentials(address: string): string {
  const scheme = SCHEME.exec(address)?.[0] ?? '';
  const rest = address.slice(scheme.length);
  // Text that is not a URL may hold a password that contains a slash.
  const end = scheme !== '' && URL.canParse(address) ? /^[^/?#]*@/ : /^.*@/s;
  return scheme + rest.replace(end, '').replace(/[?#].*/s, '');
}
