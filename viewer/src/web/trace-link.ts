const PLACE = '{traceId}';
const ANY_TRACE = '0'.repeat(32);

/**
 * Checks a template for the addresses of traces, such as `http://localhost:16686/trace/{traceId}`. The page makes links of it, so
 * only http and https are allowed: a `javascript:` address would run.
 *
 * @param name The option, for the error.
 * @param owner The function that takes the option, for the error.
 * @throws TypeError for anything else.
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
