// Makes the PNG of a screenshot small: at most 256 colours. Pages have few, and blends of them at the edges of letters.

import { deflateSync, crc32 as crc, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Returns the picture with at most 256 colours, in which no pixel differs visibly. */
export function shrink(png) {
  const { width, height, pixels } = decode(png);
  const counts = new Map();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const palette = choose(counts);
  const indexes = new Map([...counts.keys()].map((colour) => [colour, nearest(palette, colour)]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = indexes.get(pixels[y * width + x]);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // Eight bits for each pixel, which are an index into the palette.
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", head),
    chunk("PLTE", Buffer.from(palette.flatMap((colour) => parts(colour)))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Half of the colours are the most frequent, and the others those that are farthest from all chosen ones. */
function choose(counts) {
  const byCount = [...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour);
  const chosen = byCount.slice(0, 128);
  const rest = byCount.slice(128).map((colour) => ({ colour, far: Math.min(...chosen.map((one) => distance(one, colour))) }));
  while (chosen.length < 256 && rest.length > 0) {
    const next = rest.reduce((a, b) => (b.far > a.far ? b : a));
    if (next.far === 0) break;
    chosen.push(next.colour);
    for (const one of rest) one.far = Math.min(one.far, distance(next.colour, one.colour));
  }
  return chosen;
}

function nearest(palette, colour) {
  let best = 0;
  for (let index = 1; index < palette.length; index += 1)
    if (distance(palette[index], colour) < distance(palette[best], colour)) best = index;
  return best;
}

const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];

function distance(a, b) {
  const [from, to] = [parts(a), parts(b)];
  return (from[0] - to[0]) ** 2 + (from[1] - to[1]) ** 2 + (from[2] - to[2]) ** 2;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const all = Buffer.alloc(body.length + 8);
  all.writeUInt32BE(data.length, 0);
  body.copy(all, 4);
  all.writeUInt32BE(crc(body), body.length + 4);
  return all;
}

/** Reads what Chromium writes: eight bits for each of red, green and blue, maybe alpha, and no interlacing. */
function decode(png) {
  const data = [];
  let head;
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (type === "IHDR") head = body;
    if (type === "IDAT") data.push(body);
    at += length + 12;
  }
  const [width, height, depth, kind, interlaced] = [head.readUInt32BE(0), head.readUInt32BE(4), head[8], head[9], head[12]];
  if (depth !== 8 || interlaced !== 0 || (kind !== 2 && kind !== 6)) throw new Error("this is not a PNG as Chromium writes it");
  const size = kind === 6 ? 4 : 3;
  const bytes = inflateSync(Buffer.concat(data));
  const row = width * size;
  const pixels = new Uint32Array(width * height);
  let above = Buffer.alloc(row);
  for (let y = 0; y < height; y += 1) {
    const filter = bytes[y * (row + 1)];
    const line = bytes.subarray(y * (row + 1) + 1, (y + 1) * (row + 1));
    for (let x = 0; x < row; x += 1) {
      const left = x < size ? 0 : line[x - size];
      line[x] = (line[x] + predicted(filter, left, above[x], x < size ? 0 : above[x - size])) & 255;
    }
    for (let x = 0; x < width; x += 1) {
      const at = x * size;
      pixels[y * width + x] = (line[at] << 16) | (line[at + 1] << 8) | line[at + 2];
    }
    above = line;
  }
  return { width, height, pixels };
}

/** The filters of PNG: none, left, above, their average, and the nearest of three. */
function predicted(filter, left, above, corner) {
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  if (filter !== 4) return 0;
  const estimate = left + above - corner;
  const [byLeft, byAbove, byCorner] = [left, above, corner].map((one) => Math.abs(estimate - one));
  return byLeft <= byAbove && byLeft <= byCorner ? left : byAbove <= byCorner ? above : corner;
}
