import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Why no certificate can be made; `undefined` where `openssl` is there. */
export const noOpenssl: string | undefined = hasOpenssl() ? undefined : 'no openssl';

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    // The suite says in its name that it is skipped.
    return false;
  }
}

/** Makes a certificate for this machine, of a day, and its key. @returns The paths of both. */
export function selfSigned(directory: string): { readonly key: string; readonly cert: string } {
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key, cert };
}
