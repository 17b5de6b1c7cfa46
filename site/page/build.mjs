// Builds the page: node build.mjs [FOLDER]
//
// A page of the server may neither hold <style> elements nor style attributes (its content
// security policy has no 'unsafe-inline'), and xterm.js makes both. Two places of it are
// rewritten on the way in; where a new version looks different, the build says so.

import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(process.argv[2] ?? join(here, "../../labrunner/web/static"));

/** Replaces text as many times as it is expected to stand there. */
function rewrite(source, pattern, replacement, times) {
  const found = source.match(pattern)?.length ?? 0;
  if (found !== times) {
    throw new Error(`xterm.js has ${pattern} ${found} times, not ${times}: look at build.mjs`);
  }
  return source.replace(pattern, replacement);
}

const xtermWithoutStyles = {
  name: "xterm-without-styles",
  setup(bundle) {
    bundle.onLoad({ filter: /@xterm[/\\]xterm[/\\]lib[/\\]xterm\.mjs$/ }, async ({ path }) => {
      let source = await readFile(path, "utf8");
      source = rewrite(source, /[\w.$]+\.createElement\("style"\)/g, "labrunnerStyle()", 3);
      source = rewrite(
        source,
        /(\w+)\.setAttribute\("style",`\$\{\w+\.getAttribute\("style"\)\|\|""\}\$\{(\w+)\};`\)/g,
        "$1.style.cssText+=$2+';'",
        1,
      );
      const styles = JSON.stringify(join(here, "src/styles.ts"));
      return { contents: `import{styleLike as labrunnerStyle}from${styles};${source}` };
    });
  },
};

// built beside its place and moved there whole: a server may be reading the old one
const fresh = `${target}.new`;
await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
await build({
  entryPoints: { page: join(here, "src/main.ts") },
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["chrome111", "firefox115", "safari16.4"],
  chunkNames: "[name]-[hash]",
  minify: true,
  legalComments: "linked",
  logLevel: "warning",
  plugins: [xtermWithoutStyles],
});
await writeFile(join(fresh, "index.html"), await readFile(join(here, "index.html")));
await rm(target, { recursive: true, force: true });
await rename(fresh, target);
console.log(`${target}: ${(await readdir(target)).sort().join(", ")}`);
