// Writes a .br beside each file that Brotli makes smaller: `node compress.mjs FOLDER .css .js …`.
// Node has Brotli, Python's standard library has not; build.py writes the .gz files.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const [folder, ...kinds] = process.argv.slice(2);

async function compress(file) {
  const plain = readFileSync(file);
  const packed = await promisify(brotliCompress)(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
    },
  });
  if (packed.length < plain.length) writeFileSync(`${file}.br`, packed);
}

const files = readdirSync(folder).filter((name) => kinds.includes(extname(name)));
await Promise.all(files.map((name) => compress(join(folder, name))));
