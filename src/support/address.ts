const SCHEME = /^[a-z]+:\/\//i;

/** An address as a URL; gRPC takes one without a scheme. `undefined`: it is none. */
export function urlOf(address: string): URL | undefined {
  const text = address.trim();
  const url = SCHEME.test(text) ? text : `http://${text}`;
  return URL.canParse(url) ? new URL(url) : undefined;
}

/** The address without user, password and query: people publish what is reported. */
export function withoutCredentials(address: string): string {
  const scheme = SCHEME.exec(address)?.[0] ?? '';
  const rest = address.slice(scheme.length);
  // What is no URL may hold a password that goes on behind a slash.
  const end = scheme !== '' && URL.canParse(address) ? /^[^/?#]*@/ : /^.*@/s;
  return scheme + rest.replace(end, '').replace(/[?#].*/s, '');
}
