const PLACE = '{traceId}';
const ANY_TRACE = '0'.repeat(32);

/**
 * Checks a template of addresses of traces, such as `http://localhost:16686/trace/{traceId}`. The page makes links of it, so that
 * anything but http and https is refused: a `javascript:` address would run.
 *
 * @param name Of the option, and whose it is: for the error.
 * @throws TypeError
 */
export function checkedTraceLink(template: unknown, name: string, owner = ''): string | undefined {
  if (template === undefined) return undefined;
  if (typeof template === 'string' && template.includes(PLACE)) {
    const address = template.replaceAll(PLACE, ANY_TRACE);
    if (URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)) return template;
  }
  throw new TypeError(
    `${owner === '' ? '' : `${owner}: `}expected \`${name}\` to be an http or https address with ${PLACE} in it, such as "http://localhost:16686/trace/${PLACE}", ` +
      `got ${typeof template === 'string' ? JSON.stringify(template.slice(0, 200)) : typeof template}`,
  );
}
