/**
 * Bundles a program of a host project with one of the tools that are installed beside this file.
 *
 *   node build.mjs TOOL HOST PROGRAM OUT
 *
 * Everything that can be is taken into the bundle. Prints the file to run, and on stderr what the tool warned of.
 */
import { join } from 'node:path';

const [, , tool, host, program, out] = process.argv;
const entry = join(host, program);

/** What esbuild and rolldown ask of those who bundle CommonJS into ES modules. */
const REQUIRE =
  "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";

async function esbuild(options) {
  const { build } = await import('esbuild');
  const outfile = join(out, options.format === 'esm' ? 'program.mjs' : 'program.cjs');
  const { warnings } = await build({
    absWorkingDir: host,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    ...options,
  });
  for (const { text, location } of warnings) console.error(`${text} (${location?.file})`);
  return outfile;
}

async function webpack() {
  const { default: compile } = await import('webpack');
  const configuration = {
    context: host,
    mode: 'production',
    target: 'node20',
    entry,
    output: { path: out, filename: 'program.cjs' },
  };
  const stats = await new Promise((resolve, reject) => {
    compile(configuration, (error, done) => (error ? reject(error) : resolve(done)));
  });
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  for (const { moduleName, message } of warnings) console.error(`${moduleName}: ${message}`);
  return join(out, 'program.cjs');
}

async function rollup() {
  const { rollup: bundle } = await import('rollup');
  const { default: commonjs } = await import('@rollup/plugin-commonjs');
  const { default: json } = await import('@rollup/plugin-json');
  const { nodeResolve } = await import('@rollup/plugin-node-resolve');
  const build = await bundle({
    input: entry,
    plugins: [nodeResolve({ exportConditions: ['node'], preferBuiltins: true }), commonjs(), json()],
    onwarn: ({ code, message }) => {
      // Of the packages that it takes in, among themselves.
      if (code !== 'CIRCULAR_DEPENDENCY' && code !== 'THIS_IS_UNDEFINED') console.error(message);
    },
  });
  await build.write({ dir: out, format: 'es', entryFileNames: 'program.mjs' });
  return join(out, 'program.mjs');
}

async function rolldown() {
  const { build } = await import('rolldown');
  await build({
    cwd: host,
    input: entry,
    platform: 'node',
    logLevel: 'warn',
    output: { dir: out, format: 'esm', entryFileNames: 'program.mjs' },
  });
  return join(out, 'program.mjs');
}

/** Server-side rendering, with nothing left outside. */
async function vite() {
  const { build } = await import('vite');
  await build({
    root: host,
    configFile: false,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: { ssr: entry, outDir: out, rollupOptions: { output: { entryFileNames: 'program.mjs' } } },
  });
  return join(out, 'program.mjs');
}

const TOOLS = {
  'esbuild, ESM': () => esbuild({ format: 'esm', banner: { js: REQUIRE } }),
  'esbuild, CommonJS': () => esbuild({ format: 'cjs' }),
  'esbuild, minified': () => esbuild({ format: 'cjs', minify: true }),
  'webpack 5': webpack,
  rollup,
  rolldown,
  'Vite SSR': vite,
};

console.log(await TOOLS[tool]());
